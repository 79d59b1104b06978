import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { ActionRequiredError } from '../model/errors.ts';
import {
  asksContainer,
  CONTAINER_SOCKET_MS,
  type CredentialsProblem,
  explainMissingCredentials,
  ofContainer,
} from './credentials-errors.ts';

/** A role to assume, with the credentials of the standard chain. */
export interface AssumedRole {
  readonly arn: string;
  readonly externalId: string | null;
  readonly sessionName: string;
  /** The Region whose STS is asked. */
  readonly region: string;
}

type Providers = typeof import('@aws-sdk/credential-providers');
export type CredentialsProvider = ReturnType<Providers['fromTemporaryCredentials']>;

/** There are no AWS credentials. Waiting for an endpoint that may come back is over already. */
export class NoCredentialsError extends Error {
  readonly trouble: CredentialsProblem;

  constructor(trouble: CredentialsProblem) {
    super(trouble.problem);
    this.name = 'NoCredentialsError';
    this.trouble = trouble;
  }
}

/** Waits between attempts where the failure can pass: half a minute in all. */
const WAITS_MS = [1_000, 2_000, 4_000, 8_000, 16_000];
/** How long the instance's endpoint may take: the SDK's own second, then longer. */
const FIRST_TIMEOUT_MS = 1_000;
const LATER_TIMEOUT_MS = 5_000;

/**
 * The credentials of the SDK's standard chain, fetched through `requestHandler` where the SDK allows
 * it. An endpoint that is slow or fails is asked again for half a minute.
 *
 * @returns a provider that rejects with NoCredentialsError, and with ConfigurationError where a
 *   variable does not name an HTTP proxy
 */
export function standardCredentials(
  requestHandler: NodeHttpHandler,
  waitsMs: readonly number[] = WAITS_MS,
): CredentialsProvider {
  return async (identity) => {
    // Loaded when asked: every way to credentials is much code.
    const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
    for (let attempt = 0; ; attempt += 1) {
      const timeout = attempt === 0 ? FIRST_TIMEOUT_MS : LATER_TIMEOUT_MS;
      const init = { clientConfig: { requestHandler }, maxRetries: 0 };
      try {
        if (!asksContainer()) return await fromNodeProviderChain({ ...init, timeout })(identity);
        const chain = fromNodeProviderChain({ ...init, timeout: CONTAINER_SOCKET_MS });
        return await ofContainer(chain(identity));
      } catch (error) {
        // A variable that names no proxy is found where the request is sent.
        if (error instanceof ActionRequiredError) throw error;
        const trouble = await explainMissingCredentials(error);
        const wait = waitsMs[attempt];
        if (!trouble.passing || wait === undefined) throw new NoCredentialsError(trouble);
        await sleep(wait);
      }
    }
  };
}

/**
 * The credentials of a role, from STS in its Region. Each look-up is one attempt.
 *
 * @returns a provider that rejects with NoCredentialsError where there are none to assume it with,
 *   and else with STS's own error
 */
export function roleCredentials(
  role: AssumedRole,
  requestHandler: NodeHttpHandler,
): CredentialsProvider {
  let provider: CredentialsProvider | null = null;
  return async (identity) => {
    const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers');
    provider ??= fromTemporaryCredentials({
      masterCredentials: standardCredentials(requestHandler),
      params: {
        RoleArn: role.arn,
        RoleSessionName: role.sessionName,
        ...(role.externalId === null ? {} : { ExternalId: role.externalId }),
      },
      clientConfig: { region: role.region, maxAttempts: 1, requestHandler },
    });
    return provider(identity);
  };
}
