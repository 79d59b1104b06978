import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import type { Role } from '../config/pool-settings.ts';
import { ListAnswersProtocol } from './list-answers.ts';
import { roleCredentials } from './role-credentials.ts';

export type Sdk = CognitoIdentityProviderClient;

const CONNECTION_TIMEOUT_MS = 5_000;
/** From the request to the answer's head, and of silence within an answer. */
const ANSWER_TIMEOUT_MS = 30_000;
const MAX_SOCKETS = 64;

/**
 * The SDK's client for one Region, with keep-alive, timeouts, and its own retries off: every
 * attempt must pass its bucket. Credentials and the endpoint come from the SDK's standard chain; with
 * a role, the credentials are the role's.
 */
export function openSdk(region: string, role: Role | null): Sdk {
  const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
  const sdk = new CognitoIdentityProviderClient({
    region,
    maxAttempts: 1,
    ...(role === null ? {} : { credentials: roleCredentials(region, role) }),
    protocol: ListAnswersProtocol,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: ANSWER_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      socketTimeout: ANSWER_TIMEOUT_MS,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
  // It copies every answer for a log that there is none of: a tenth of the time that a page takes.
  sdk.middlewareStack.remove('loggerMiddleware');
  return sdk;
}
