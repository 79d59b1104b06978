import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseKnownFiles } from '@smithy/core/config';
import type { Problem } from '../model/errors.ts';
import { ProxyError } from '../web/proxy.ts';

/** Why no AWS credentials were found, and what to do. */
export interface CredentialsProblem extends Omit<Problem, 'subject'> {
  /** True if another attempt can help. */
  readonly temporary: boolean;
}

/** Names of network failures and of errors of an overloaded service. */
const UNANSWERED =
  /\b(EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EPIPE|ETIMEDOUT|TimeoutError|Throttling|TooManyRequests|SlowDown|InternalFailure|ServiceUnavailable)/;

const CONNECT_MS = 1_000;

/**
 * Finds why the SDK's standard chain found no credentials. The chain keeps only its last error, so
 * this checks profile and endpoints again. It matches the SDK's text but never repeats it: it can
 * contain the command of a `credential_process`.
 */
export async function explainMissingCredentials(error: unknown): Promise<CredentialsProblem> {
  const profile = process.env.AWS_PROFILE || 'default';
  const { name, message, code, status } = readError(error);
  const text = `${name} ${code} ${message}`;
  if (error instanceof ProxyError || /^.*\bThe proxy http\S+ failed/.test(message)) {
    return explainSilence('the credentials service', 'through the proxy');
  }
  if (/multi-factor authentication/.test(message)) return explainMfa(profile);
  if (usesContainer()) return checkContainerEndpoint();
  const [, silence = name] = UNANSWERED.exec(text) ?? [];
  if (status >= 500 || UNANSWERED.test(text)) {
    const detail = status > 0 ? `${name}, HTTP ${status}` : silence;
    return explainSilence('the credentials service', detail);
  }
  if (/aws sso login|\bsso\b|UnauthorizedException/i.test(text) || name.startsWith('Token')) {
    return explainSso(profile);
  }
  if (status > 0) return explainRefusal(`${name}, HTTP ${status}`, profile);
  if (/^E[A-Z]+$/.test(code)) return explainUnreadableFile(code);
  return (await checkProfile()) ?? (await checkInstanceEndpoint()) ?? NOT_FOUND;
}

const NOT_FOUND: CredentialsProblem = {
  temporary: false,
  problem: 'not found in the environment, the shared config files or a role.',
  remedy:
    'Set AWS_PROFILE (after `aws sso login` or `aws configure`), or AWS_ACCESS_KEY_ID and ' +
    'AWS_SECRET_ACCESS_KEY, or run on an instance or task with a role.',
};

function explainSilence(what: string, detail: string): CredentialsProblem {
  return {
    temporary: true,
    problem: `${what} did not answer (${detail}).`,
    remedy: 'Check it and the network; then run it again to resume.',
  };
}

function explainMfa(profile: string): CredentialsProblem {
  return {
    temporary: false,
    problem: `the profile ${quote(profile)} requires an MFA code, but this program cannot ask for one.`,
    remedy:
      'Run `aws sts get-session-token --serial-number ARN --token-code CODE` and set the keys of ' +
      'this session, or use a profile or role without MFA.',
  };
}

function explainSso(profile: string): CredentialsProblem {
  return {
    temporary: false,
    problem: `the SSO session of the profile ${quote(profile)} has expired or is missing.`,
    remedy: `Run \`aws sso login --profile ${profile}\`, then run it again to resume.`,
  };
}

function explainRefusal(detail: string, profile: string): CredentialsProblem {
  return {
    temporary: false,
    problem: `STS refused the profile ${quote(profile)} (${detail}).`,
    remedy: `Check with \`aws sts get-caller-identity --profile ${profile}\`.`,
  };
}

function explainUnreadableFile(code: string): CredentialsProblem {
  return {
    temporary: false,
    problem: `a file with credentials cannot be read (${code}).`,
    remedy: 'Check AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE.',
  };
}

/** Checks the profile of AWS_PROFILE. Null if the variable is not set. */
async function checkProfile(): Promise<CredentialsProblem | null> {
  const profile = process.env.AWS_PROFILE;
  if (!profile) return null;
  // Of files that cannot be read or parsed, no profile is known: the same remedy helps.
  const known = await parseKnownFiles({}).catch(() => ({}));
  if (!Object.hasOwn(known, profile)) {
    return {
      temporary: false,
      problem: `the profile ${quote(profile)} of AWS_PROFILE is missing in the shared config files.`,
      remedy: 'Correct or unset AWS_PROFILE; `aws configure list-profiles` shows the profiles.',
    };
  }
  return {
    temporary: false,
    problem: `the profile ${quote(profile)} has no credentials.`,
    remedy: `Run \`aws sts get-caller-identity --profile ${profile}\` to see why.`,
  };
}

/** Checks the container's endpoint with another request. */
async function checkContainerEndpoint(): Promise<CredentialsProblem> {
  const { fromHttp } = await import('@aws-sdk/credential-providers');
  const what = "the container's credentials endpoint";
  const failure = await catchError(async () =>
    withContainerLimit(fromHttp({ maxRetries: 0, timeout: CONTAINER_SOCKET_MS })()),
  );
  const status = Number(/status: (\d{3})/.exec(failure?.message ?? '')?.[1] ?? 0);
  if (status < 400 || status >= 500 || status === 429) {
    return explainSilence(what, status > 0 ? `HTTP ${status}` : 'no answer in time');
  }
  return {
    temporary: false,
    problem: `${what} refuses the request (HTTP ${status}).`,
    remedy: 'Check the role of the task or service account, and the authorization token.',
  };
}

/** Checks the instance's endpoint. Null if this machine is not an instance. */
async function checkInstanceEndpoint(): Promise<CredentialsProblem | null> {
  const { env } = process;
  if (env.AWS_EC2_METADATA_DISABLED && env.AWS_EC2_METADATA_DISABLED !== 'false') return null;
  const { fromInstanceMetadata } = await import('@aws-sdk/credential-providers');
  const failure = await catchError(fromInstanceMetadata({ maxRetries: 0 }));
  const { status } = readError(failure);
  const what = "the instance's credentials endpoint";
  if (status >= 500 || status === 429) return explainSilence(what, `HTTP ${status}`);
  const isSilent = /TimeoutError/.test(failure?.message ?? '') && (await isInstance());
  return isSilent ? explainSilence(what, 'no answer in time') : null;
}

/** True if something listens at the address of instance metadata: only instances have one. */
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

async function catchError(provider: () => Promise<unknown>): Promise<Error | null> {
  return provider().then(
    () => null,
    (error: unknown) => (error instanceof Error ? error : null),
  );
}

/** What distinguishes errors of the SDK. An absent status is 0. */
function readError(error: unknown): {
  name: string;
  message: string;
  code: string;
  status: number;
} {
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

/** The time limit of the container's credentials endpoint. */
const ANSWER_MS = 5_000;
/** The SDK's own limit only warns, so it is set above ours. */
export const CONTAINER_SOCKET_MS = 60_000;

/** True if the chain uses the container's endpoint: the variables that go first are not set. */
export function usesContainer({ env } = process): boolean {
  const named =
    env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI || env.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  return Boolean(named) && !env.AWS_PROFILE && !env.AWS_ACCESS_KEY_ID;
}

/** The answer of the container's endpoint; rejects with a TimeoutError after the limit. */
export function withContainerLimit<T>(answer: Promise<T>): Promise<T> {
  const late = new AbortController();
  const limit = sleep(ANSWER_MS, undefined, { signal: late.signal }).then(() => {
    throw Object.assign(new Error('no answer in time'), { name: 'TimeoutError' });
  });
  return Promise.race([answer, limit]).finally(() => {
    late.abort();
    limit.catch(() => {});
  });
}
