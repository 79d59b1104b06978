import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';

/** Which calls carry Content-MD5 in place of a checksum, by the SDK's names of its commands. */
export type Md5Calls = Set<string>;

const CHECKSUM_HEADER = /^x-amz-(sdk-)?checksum-/;

/** Has the client send the calls in `md5Calls`, a set that may change, with Content-MD5 instead. */
export function sendContentMd5(client: S3Client, md5Calls: Md5Calls): void {
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        if (commandName !== undefined && md5Calls.has(commandName)) {
          const { headers, body } = args.request as HttpRequest;
          for (const name of Object.keys(headers)) {
            if (CHECKSUM_HEADER.test(name.toLowerCase())) delete headers[name];
          }
          if (typeof body === 'string' || body instanceof Uint8Array) {
            headers['content-md5'] = createHash('md5').update(body).digest('base64');
          }
        }
        return next(args);
      },
    // After the SDK's own checksums, and before the signature.
    { name: 'contentMd5', step: 'build', priority: 'low' },
  );
}

interface HttpRequest {
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}
