import type { IncomingMessage } from 'node:http';
import { ActionRequiredError } from '../model/errors.ts';
import { explainTls } from '../model/tls-errors.ts';
import { type AwsAccess, openCredentials } from './access.ts';
import { toAccessError } from './access-error.ts';
import { openRequestHandler } from './request-handler.ts';
import { signForm } from './sign-request.ts';

/** Whose credentials are in use, as STS says. */
export interface CallerIdentity {
  readonly account: string;
  /** `role NAME`, `user NAME` or `root`, without the name of a session, which may be of a person. */
  readonly who: string;
}

/** What STS answered. */
export interface CallerAnswer {
  /** Null: the endpoint does not know the call, as that of a simulator. */
  readonly identity: CallerIdentity | null;
  /** The time of the answer by its Date header, with this machine's times around it. */
  readonly clock: {
    readonly before: number;
    readonly server: number;
    readonly after: number;
  } | null;
  /** Why STS refuses the credentials. */
  readonly refusal: ActionRequiredError | null;
}

const TIMEOUT_MS = 8_000;
const BODY = 'Action=GetCallerIdentity&Version=2011-06-15';

/** Errors of STS about credentials, and what to do. */
const REFUSALS: Readonly<Record<string, readonly [problem: string, remedy: string]>> = {
  ExpiredToken: [
    'they have expired.',
    'Renew them (`aws sso login`, or a new session token), or use a role that renews them itself.',
  ],
  InvalidClientTokenId: [
    'AWS does not know their access key.',
    'Check AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN, or AWS_PROFILE.',
  ],
  SignatureDoesNotMatch: [
    'their secret key is wrong, or the clock of this machine is.',
    'Check AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and the clock.',
  ],
};

/**
 * Asks STS whose the credentials are. The call needs no permission.
 *
 * @throws ActionRequiredError if there are none, or STS cannot be reached
 */
export async function readCallerIdentity(
  access: AwsAccess,
  region: string,
  signal: AbortSignal,
): Promise<CallerAnswer> {
  const handler = openRequestHandler(
    { maxSockets: 1, connectionTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS },
    access.proxies,
  );
  try {
    const credentials = await openCredentials(access, handler)();
    const url = new URL(findEndpoint(access) ?? `https://sts.${region}.${findDomain(region)}/`);
    const before = Date.now();
    const request = { url, body: BODY, service: 'sts', region, at: new Date(before) };
    const { response } = await handler.handle(
      {
        method: 'POST',
        protocol: url.protocol,
        hostname: url.hostname,
        ...(url.port !== '' && { port: Number(url.port) }),
        path: url.pathname,
        query: {},
        headers: signForm(request, credentials),
        body: BODY,
      } as unknown as Parameters<typeof handler.handle>[0],
      { abortSignal: signal },
    );
    const after = Date.now();
    const text = await readBody(response.body as IncomingMessage);
    const server = Date.parse(response.headers['date'] ?? '');
    const clock = Number.isNaN(server) ? null : { before, server, after };
    if (response.statusCode === 200) return { identity: parse(text), clock, refusal: null };
    return { identity: null, clock, refusal: explainRefusal(text) };
  } catch (error) {
    signal.throwIfAborted();
    throw toAccessError(error) ?? explainSilence(error);
  } finally {
    handler.destroy();
  }
}

/** True if Cognito has an endpoint of its own and STS has none: then these credentials are not for AWS. */
export function isServedElsewhere(access: AwsAccess): boolean {
  const cognito =
    access.endpoints?.cognito ?? process.env.AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER;
  return Boolean(cognito) && findEndpoint(access) === null;
}

/** @throws ActionRequiredError if there are no credentials */
export async function requireCredentials(access: AwsAccess): Promise<void> {
  const handler = openRequestHandler(
    { maxSockets: 1, connectionTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS },
    access.proxies,
  );
  try {
    await openCredentials(access, handler)();
  } catch (error) {
    throw toAccessError(error) ?? error;
  } finally {
    handler.destroy();
  }
}

function findEndpoint({ endpoints }: AwsAccess): string | null {
  const { env } = process;
  return endpoints?.sts ?? (env.AWS_ENDPOINT_URL_STS || env.AWS_ENDPOINT_URL || null);
}

function findDomain(region: string): string {
  return region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
}

/** No answer of STS is longer. */
const MOST_BYTES = 20_000;

async function readBody(body: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of body) {
    text += String(chunk);
    if (text.length > MOST_BYTES) break;
  }
  return text;
}

/** `arn:aws:sts::111122223333:assumed-role/NAME/SESSION`, or of a user or the root. */
const ARN = /<Arn>arn:[\w-]+:(?:sts|iam)::(\d{12}):([\w-]+)(?:\/([^<]+))?<\/Arn>/;

function parse(xml: string): CallerIdentity | null {
  const [, account, kind, path = ''] = ARN.exec(xml) ?? [];
  if (account === undefined) return null;
  if (kind === 'root') return { account, who: 'root' };
  const [first = ''] = path.split('/');
  if (kind === 'assumed-role') return { account, who: `role ${first}` };
  // The name of a user may be an e-mail address.
  const name = path.split('/').at(-1) ?? '';
  return { account, who: name.includes('@') ? 'a user' : `${kind} ${name}` };
}

/** Null: the answer is not one of STS. */
function explainRefusal(xml: string): ActionRequiredError | null {
  const [, code = ''] = /<Code>(\w+)<\/Code>/.exec(xml) ?? [];
  if (code === '') return null;
  const [problem, remedy] = REFUSALS[code] ?? [
    `AWS refuses them (${code}).`,
    'Check AWS_PROFILE, or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.',
  ];
  return ActionRequiredError.of('AWS credentials', problem, remedy);
}

function explainSilence(error: unknown): Error {
  if (!(error instanceof Error)) return new Error('unknown error');
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  const tls = explainTls(code, 'NODE_EXTRA_CA_CERTS=FILE in the environment');
  if (tls !== null) return ActionRequiredError.of('STS', tls.problem, tls.remedy);
  return ActionRequiredError.of(
    'STS',
    `AWS could not be reached to say whose the credentials are (${code}).`,
    'Check the network, HTTPS_PROXY and AWS_ENDPOINT_URL_STS.',
    { cause: error },
  );
}
