import { createHash, createHmac } from 'node:crypto';
import type { Credentials } from './access.ts';

/** A POST of a form, to be signed. */
interface FormRequest {
  readonly url: URL;
  readonly body: string;
  readonly service: string;
  readonly region: string;
  readonly at: Date;
}

/**
 * The headers of a form with AWS's signature, version 4. For the one call that no client of the SDK here
 * has: GetCallerIdentity of STS.
 */
export function signForm(
  { url, body, service, region, at }: FormRequest,
  { accessKeyId, secretAccessKey, sessionToken }: Credentials,
): Record<string, string> {
  const time = at.toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const headers: Record<string, string> = {
    'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    host: url.host,
    'x-amz-date': time,
    ...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
  };
  const names = Object.keys(headers).sort();
  const signed = names.join(';');
  const lines = names.map((name) => `${name}:${headers[name]}`);
  const canonical = ['POST', url.pathname, '', ...lines, '', signed, sha256(body)].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${secretAccessKey}`,
  );
  const signature = (hmac(key, text) as Buffer).toString('hex');
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`,
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

function hmac(key: string | Buffer, text: string): string | Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest();
}
