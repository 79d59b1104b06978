import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { standardCredentials } from '../aws/credentials.ts';
import { configuredEndpoint } from '../aws/endpoint.ts';
import { openRequestHandler } from '../aws/request-handler.ts';
import type { Role } from '../config/pool-settings.ts';
import { PlainAnswersProtocol } from './answers.ts';
import { poolCredentials } from './role-credentials.ts';

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
  const requestHandler = openRequestHandler({
    maxSockets: MAX_SOCKETS,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: ANSWER_TIMEOUT_MS,
    socketTimeout: ANSWER_TIMEOUT_MS,
  });
  const sdk = new CognitoIdentityProviderClient({
    region,
    maxAttempts: 1,
    credentials:
      role === null
        ? standardCredentials(requestHandler)
        : poolCredentials(region, role, requestHandler),
    protocol: PlainAnswersProtocol,
    requestHandler,
  });
  // It copies every answer for a log that there is none of: a tenth of the time that a page takes.
  sdk.middlewareStack.remove('loggerMiddleware');
  return sdk;
}

/** Throws ConfigurationError where the endpoint that is set for the service is not a URL. */
export async function requireCognitoEndpoint(): Promise<void> {
  const sdk = new CognitoIdentityProviderClient({});
  await configuredEndpoint(sdk.config, 'AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER');
  sdk.destroy();
}
