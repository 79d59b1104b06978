import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { ActionRequiredError } from '../model/errors.ts';
import {
  CONTAINER_SOCKET_MS,
  type CredentialsProblem,
  explainMissingCredentials,
  usesContainer,
  withContainerLimit,
} from './credentials-errors.ts';

/** A role to assume. */
interface AssumedRole {
  readonly arn: string;
  readonly externalId: string | null;
  readonly sessionName: string;
  /** The Region of the STS to call. */
  readonly region: string;
}

type Providers = typeof import('@aws-sdk/credential-providers');
export type CredentialsProvider = ReturnType<Providers['fromTemporaryCredentials']>;

/** No AWS credentials were found, also after waiting for an endpoint that may recover. */
export class NoCredentialsError extends Error {
  readonly problem: CredentialsProblem;

  constructor(problem: CredentialsProblem) {
    super(problem.problem);
    this.name = 'NoCredentialsError';
    this.problem = problem;
  }
}

/** The waits after temporary failures: half a minute in all. */
const WAITS_MS = [1_000, 2_000, 4_000, 8_000, 16_000];
/** The time limits of the instance's endpoint: the SDK's own second, then longer. */
const FIRST_TIMEOUT_MS = 1_000;
const LATER_TIMEOUT_MS = 5_000;

/**
 * The credentials of the SDK's standard chain, fetched through `requestHandler` if the SDK allows it.
 * Tries an endpoint that is slow or fails for half a minute.
 *
 * @returns a provider that rejects with NoCredentialsError, or with ActionRequiredError if a variable
 *   does not name an HTTP proxy.
 */
export function standardCredentials(
  requestHandler: NodeHttpHandler,
  waitsMs: readonly number[] = WAITS_MS,
): CredentialsProvider {
  return async (identity) => {
    // Loaded on use: this package is large.
    const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
    for (let attempt = 0; ; attempt += 1) {
      const timeout = attempt === 0 ? FIRST_TIMEOUT_MS : LATER_TIMEOUT_MS;
      const init = { clientConfig: { requestHandler }, maxRetries: 0 };
      try {
        if (!usesContainer()) return await fromNodeProviderChain({ ...init, timeout })(identity);
        const chain = fromNodeProviderChain({ ...init, timeout: CONTAINER_SOCKET_MS });
        return await withContainerLimit(chain(identity));
      } catch (error) {
        // A proxy variable that does not name a proxy: the request handler found it.
        if (error instanceof ActionRequiredError) throw error;
        const problem = await explainMissingCredentials(error);
        const wait = waitsMs[attempt];
        if (!problem.temporary || wait === undefined) throw new NoCredentialsError(problem);
        await sleep(wait);
      }
    }
  };
}

/**
 * The credentials of a role, from STS in its Region. Each fetch is one attempt.
 *
 * @param base the credentials to assume the role with
 * @param endpoint the endpoint of STS, if it is not the SDK's own
 * @returns a provider that rejects with NoCredentialsError if there are no credentials to assume the
 *   role with, and otherwise with the error of STS.
 */
export function roleCredentials(
  role: AssumedRole,
  base: CredentialsProvider,
  requestHandler: NodeHttpHandler,
  endpoint?: string,
): CredentialsProvider {
  let provider: CredentialsProvider | null = null;
  return async (identity) => {
    const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers');
    provider ??= fromTemporaryCredentials({
      masterCredentials: base,
      params: {
        RoleArn: role.arn,
        RoleSessionName: role.sessionName,
        ...(role.externalId === null ? {} : { ExternalId: role.externalId }),
      },
      clientConfig: {
        region: role.region,
        maxAttempts: 1,
        requestHandler,
        ...(endpoint !== undefined && { endpoint }),
      },
    });
    return provider(identity);
  };
}
