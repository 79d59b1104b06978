import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A role that may be assumed. */
export interface StsRole {
  readonly arn: string;
  /** What its trust policy asks for; absent where it asks for none. */
  readonly externalId?: string;
}

export interface StsOptions {
  readonly roles: readonly StsRole[];
  /** How long credentials are good for: an hour. */
  readonly lifetimeSeconds?: number;
  /** The access keys that are known; every key is where absent. */
  readonly accessKeys?: readonly string[];
}

/** One request, as it arrived. */
export interface StsRequest {
  readonly action: string;
  readonly roleArn: string;
  readonly sessionName: string;
  readonly externalId: string | null;
  /** Of the signature. */
  readonly accessKey: string;
  readonly region: string;
}

/** An answer in the place of the right one: an error with its status, a cut connection, or none. */
export type StsTrouble = { readonly status: number; readonly code: string } | 'cut' | 'silence';

/** A server of STS's query API on loopback; name it by `AWS_ENDPOINT_URL_STS`. */
export interface StsServer {
  readonly url: string;
  /** Every request so far, refused ones included. */
  readonly requests: readonly StsRequest[];
  /** Answers to come that are replaced, first to last. */
  readonly troubles: StsTrouble[];
  /** The role whose credentials have the access key. */
  roleOf(accessKey: string): string | undefined;
  close(): Promise<void>;
}

const SIGNATURE =
  /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/\d{8}\/([a-z0-9-]+)\/sts\/aws4_request\b/;

/** Starts a server that lets roles be assumed, each time with new credentials. */
export async function startSts(options: StsOptions): Promise<StsServer> {
  const requests: StsRequest[] = [];
  const troubles: StsTrouble[] = [];
  const given = new Map<string, string>();

  const assume = ({ action, roleArn, externalId, accessKey }: StsRequest): Answer => {
    if (options.accessKeys !== undefined && !options.accessKeys.includes(accessKey)) {
      return failure(403, 'InvalidClientTokenId', 'The security token is invalid.');
    }
    if (action === 'GetCallerIdentity') return { status: 200, xml: CALLER };
    if (action !== 'AssumeRole') return failure(400, 'InvalidAction', `No action ${action}.`);
    const role = options.roles.find(({ arn }) => arn === roleArn);
    // The service reveals neither whether the role exists, or what its policy requires.
    if (role === undefined || (role.externalId ?? externalId) !== externalId) {
      const message = `User ${accessKey} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`;
      return failure(403, 'AccessDenied', message);
    }
    const key = `ASIA${String(given.size + 1).padStart(16, '0')}`;
    given.set(key, roleArn);
    const lifetimeMs = (options.lifetimeSeconds ?? 3_600) * 1_000;
    return assumed(key, new Date(Date.now() + lifetimeMs));
  };

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const seen = await readRequest(request);
    requests.push(seen);
    const trouble = troubles.shift();
    if (trouble === 'silence') return;
    if (trouble === 'cut') {
      response.destroy();
      return;
    }
    const { status, xml } = trouble
      ? failure(trouble.status, trouble.code, 'As the test asked.')
      : assume(seen);
    response.writeHead(status, { 'content-type': 'text/xml', 'x-amzn-requestid': 'request-1' });
    response.end(xml);
  };
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    troubles,
    roleOf: (accessKey) => given.get(accessKey),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The session of a person in a role. */
const CALLER = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>arn:aws:sts::123456789012:assumed-role/mirror/jane@example.com</Arn>
    <UserId>AROAEXAMPLE:jane@example.com</UserId>
    <Account>123456789012</Account>
  </GetCallerIdentityResult>
</GetCallerIdentityResponse>`;

interface Answer {
  readonly status: number;
  readonly xml: string;
}

async function readRequest(request: IncomingMessage): Promise<StsRequest> {
  let body = '';
  for await (const chunk of request) body += chunk;
  const form = new URLSearchParams(body);
  const [, accessKey = '', region = ''] = SIGNATURE.exec(request.headers.authorization ?? '') ?? [];
  return {
    action: form.get('Action') ?? '',
    roleArn: form.get('RoleArn') ?? '',
    sessionName: form.get('RoleSessionName') ?? '',
    externalId: form.get('ExternalId'),
    accessKey,
    region,
  };
}

function assumed(accessKey: string, expiration: Date): Answer {
  return {
    status: 200,
    xml: `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <Credentials>
      <AccessKeyId>${accessKey}</AccessKeyId>
      <SecretAccessKey>secret-of-${accessKey}</SecretAccessKey>
      <SessionToken>token-of-${accessKey}</SessionToken>
      <Expiration>${expiration.toISOString()}</Expiration>
    </Credentials>
  </AssumeRoleResult>
  <ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata>
</AssumeRoleResponse>`,
  };
}

function failure(status: number, code: string, message: string): Answer {
  const type = status < 500 ? 'Sender' : 'Receiver';
  return {
    status,
    xml: `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error><Type>${type}</Type><Code>${code}</Code><Message>${message}</Message></Error>
  <RequestId>request-1</RequestId>
</ErrorResponse>`,
  };
}
