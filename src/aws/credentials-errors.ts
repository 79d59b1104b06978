import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseKnownFiles } from '@smithy/core/config';
import type { Problem } from '../model/errors.ts';
import { ProxyError } from './proxy.ts';

/** Why there are no AWS credentials, and what to do. */
export interface CredentialsProblem extends Omit<Problem, 'subject'> {
  /** True where to wait and try again can help. */
  readonly passing: boolean;
}

/** Network failures and answers of a service that is overloaded, as they appear in names and texts. */
const UNANSWERED =
  /\b(EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EPIPE|ETIMEDOUT|TimeoutError|Throttling|TooManyRequests|SlowDown|InternalFailure|ServiceUnavailable)/;

const CONNECT_MS = 1_000;

/**
 * Finds why the SDK's standard chain gave no credentials. The chain keeps only its last error, so
 * profile and endpoints are looked at again. The SDK's own text is matched and never repeated: it
 * can hold the command of a `credential_process`.
 */
export async function explainMissingCredentials(error: unknown): Promise<CredentialsProblem> {
  const profile = process.env.AWS_PROFILE || 'default';
  const { name, message, code, status } = partsOf(error);
  const text = `${name} ${code} ${message}`;
  if (error instanceof ProxyError || /^.*\bThe proxy http\S+ failed/.test(message)) {
    return unanswered('the service that gives them', 'through the proxy');
  }
  if (/multi-factor authentication/.test(message)) return wantsCode(profile);
  if (asksContainer()) return ofContainerEndpoint();
  const [, silence = name] = UNANSWERED.exec(text) ?? [];
  if (status >= 500 || UNANSWERED.test(text)) {
    const detail = status > 0 ? `${name}, HTTP ${status}` : silence;
    return unanswered('the service that gives them', detail);
  }
  if (/aws sso login|\bsso\b|UnauthorizedException/i.test(text) || name.startsWith('Token')) {
    return ssoEnded(profile);
  }
  if (status > 0) return refused(`${name}, HTTP ${status}`, profile);
  if (/^E[A-Z]+$/.test(code)) return unreadable(code);
  return (await ofProfile()) ?? (await ofInstance()) ?? NONE;
}

const NONE: CredentialsProblem = {
  passing: false,
  problem: 'none found in the environment, the shared config files or a role.',
  remedy:
    'Set AWS_PROFILE (after `aws sso login` or `aws configure`), or AWS_ACCESS_KEY_ID and ' +
    'AWS_SECRET_ACCESS_KEY, or run where an instance or a task has a role.',
};

function unanswered(what: string, detail: string): CredentialsProblem {
  return {
    passing: true,
    problem: `${what} did not answer (${detail}).`,
    remedy: 'Check it and the network; then run it again to go on from here.',
  };
}

function wantsCode(profile: string): CredentialsProblem {
  return {
    passing: false,
    problem: `the profile ${quote(profile)} wants an MFA code, which this program cannot ask for.`,
    remedy:
      'Get a session with `aws sts get-session-token --serial-number ARN --token-code CODE` and ' +
      'set its keys, or use a profile or role without MFA.',
  };
}

function ssoEnded(profile: string): CredentialsProblem {
  return {
    passing: false,
    problem: `the SSO session of the profile ${quote(profile)} has expired or is missing.`,
    remedy: `Run \`aws sso login --profile ${profile}\`, then run it again to go on from here.`,
  };
}

function refused(detail: string, profile: string): CredentialsProblem {
  return {
    passing: false,
    problem: `STS refused to give them for the profile ${quote(profile)} (${detail}).`,
    remedy: `Check with \`aws sts get-caller-identity --profile ${profile}\`.`,
  };
}

function unreadable(code: string): CredentialsProblem {
  return {
    passing: false,
    problem: `a file that holds them cannot be read (${code}).`,
    remedy: 'Check AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE.',
  };
}

/** What is wrong with the profile that AWS_PROFILE names; null where it names none. */
async function ofProfile(): Promise<CredentialsProblem | null> {
  const profile = process.env.AWS_PROFILE;
  if (!profile) return null;
  const known = await parseKnownFiles({}).catch(() => ({}));
  if (!Object.hasOwn(known, profile)) {
    return {
      passing: false,
      problem: `AWS_PROFILE names ${quote(profile)}, and the shared config files have no such profile.`,
      remedy: '`aws configure list-profiles` shows the profiles. Correct or unset AWS_PROFILE.',
    };
  }
  return {
    passing: false,
    problem: `the profile ${quote(profile)} gives none.`,
    remedy: `\`aws sts get-caller-identity --profile ${profile}\` shows why.`,
  };
}

/** What is wrong with the container's endpoint, which is asked once more. */
async function ofContainerEndpoint(): Promise<CredentialsProblem> {
  const { fromHttp } = await import('@aws-sdk/credential-providers');
  const what = "the container's credentials endpoint";
  const failure = await failureOf(async () =>
    ofContainer(fromHttp({ maxRetries: 0, timeout: CONTAINER_SOCKET_MS })()),
  );
  const status = Number(/status: (\d{3})/.exec(failure?.message ?? '')?.[1] ?? 0);
  if (status < 400 || status >= 500 || status === 429) {
    return unanswered(what, status > 0 ? `HTTP ${status}` : 'no answer in time');
  }
  return {
    passing: false,
    problem: `${what} refuses to give them (HTTP ${status}).`,
    remedy: 'Check the role of the task or service account, and the authorization token.',
  };
}

/** What is wrong with the instance's endpoint; null where there is none. */
async function ofInstance(): Promise<CredentialsProblem | null> {
  const { env } = process;
  if (env.AWS_EC2_METADATA_DISABLED && env.AWS_EC2_METADATA_DISABLED !== 'false') return null;
  const { fromInstanceMetadata } = await import('@aws-sdk/credential-providers');
  const failure = await failureOf(fromInstanceMetadata({ maxRetries: 0 }));
  const { status } = partsOf(failure);
  const what = "the instance's credentials endpoint";
  if (status >= 500 || status === 429) return unanswered(what, `HTTP ${status}`);
  const isSilent = /TimeoutError/.test(failure?.message ?? '') && (await isInstance());
  return isSilent ? unanswered(what, 'no answer in time') : null;
}

/** True where something listens at the address of instance metadata: other machines have none. */
function isInstance(): Promise<boolean> {
  const given = process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT ?? '';
  const { hostname, port } = new URL(URL.canParse(given) ? given : 'http://169.254.169.254');
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || 80 });
    const end = (connected: boolean) => {
      socket.destroy();
      resolve(connected);
    };
    socket.setTimeout(CONNECT_MS, () => end(false));
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}

async function failureOf(provider: () => Promise<unknown>): Promise<Error | null> {
  return provider().then(
    () => null,
    (error: unknown) => (error instanceof Error ? error : null),
  );
}

/** What tells errors of the SDK apart; an absent status is 0. */
function partsOf(error: unknown): { name: string; message: string; code: string; status: number } {
  if (!(error instanceof Error)) return { name: '', message: '', code: '', status: 0 };
  const { name, message, code, statusCode, $metadata } = error as Error & {
    code?: unknown;
    statusCode?: number;
    $metadata?: { httpStatusCode?: number };
  };
  return {
    name: /^[\w.-]{1,80}$/.test(name) ? name : '',
    message,
    code: typeof code === 'string' && /^\w{1,80}$/.test(code) ? code : '',
    status: $metadata?.httpStatusCode ?? statusCode ?? 0,
  };
}

function quote(profile: string): string {
  return JSON.stringify(profile);
}

/** How long the container's credentials endpoint may take to answer. */
const ANSWER_MS = 5_000;
/** The SDK only warns at its own limit, and waits on: it is set beyond ours. */
export const CONTAINER_SOCKET_MS = 60_000;

/** True where a look-up comes to the container's endpoint: the variables before it are not set. */
export function asksContainer({ env } = process): boolean {
  const named =
    env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI || env.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  return Boolean(named) && !env.AWS_PROFILE && !env.AWS_ACCESS_KEY_ID;
}

/** Gives what the container's endpoint answers, or rejects with a TimeoutError where it is silent. */
export function ofContainer<T>(answer: Promise<T>): Promise<T> {
  const late = new AbortController();
  const limit = sleep(ANSWER_MS, undefined, { signal: late.signal }).then(() => {
    throw Object.assign(new Error('no answer in time'), { name: 'TimeoutError' });
  });
  return Promise.race([answer, limit]).finally(() => {
    late.abort();
    limit.catch(() => {});
  });
}
