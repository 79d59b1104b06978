import type { CognitoIdentityProviderClientConfig } from '@aws-sdk/client-cognito-identity-provider';
import type { Role } from '../config/pool-settings.ts';
import { credentialsError, judge, type Verdict } from './error-table.ts';
import { CredentialsError, RoleRefusedError, ServiceUnavailableError } from './errors.ts';
import { describeFault, type Fault, faultOf } from './fault.ts';
import { AttemptFailed } from './retry.ts';

/** Names the mirror in CloudTrail, and in policies that ask for a session's name. */
const SESSION_NAME = 'cognito-mirror';

type CredentialsProvider = Extract<
  NonNullable<CognitoIdentityProviderClientConfig['credentials']>,
  (...args: never) => unknown
>;

/**
 * The credentials of a role, had of STS in the Region with those of the SDK's standard chain. Each
 * look-up is one attempt; the client keeps what it gives until five minutes before it expires, and
 * looks up once for all who ask meanwhile.
 *
 * @throws AttemptFailed whose verdict says whether to try again
 */
export function roleCredentials(region: string, role: Role): CredentialsProvider {
  let provider: CredentialsProvider | null = null;
  return async (identity) => {
    try {
      provider ??= await openProvider(region, role);
      return await provider(identity);
    } catch (error) {
      throw new AttemptFailed(judgeRole(error, region, role));
    }
  };
}

/** Loaded when asked: STS and every way to credentials are much code, and few pools have a role. */
async function openProvider(region: string, role: Role): Promise<CredentialsProvider> {
  const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers');
  return fromTemporaryCredentials({
    params: {
      RoleArn: role.arn,
      RoleSessionName: SESSION_NAME,
      ...(role.externalId === null ? {} : { ExternalId: role.externalId }),
    },
    // The retries are those of the call that the credentials are for.
    clientConfig: { region, maxAttempts: 1 },
  });
}

/** STS fails as every service does; only what it refuses is about the role. */
function judgeRole(error: unknown, region: string, role: Role): Verdict {
  const stop = { action: 'stop', retryAfterMs: 0 } as const;
  const fault = faultOf(error);
  if (fault === null || fault.name === 'CredentialsProviderError') {
    return { ...stop, reason: 'CredentialsProviderError', error: credentialsError(error) };
  }
  const verdict = judge(error, {
    operation: 'DescribeUserPool',
    poolId: '',
    region,
    carriesToken: false,
    carriesShardFilter: false,
  });
  if (verdict.error instanceof CredentialsError) return verdict;
  if (verdict.action !== 'stop') {
    // Throttling by STS is no reason to slow a bucket of Cognito down.
    return { ...verdict, action: 'retry', error: unavailable(role, fault) };
  }
  return {
    ...stop,
    reason: verdict.reason,
    error: new RoleRefusedError(role, describeFault(fault)),
  };
}

function unavailable({ arn }: Role, fault: Fault): ServiceUnavailableError {
  return new ServiceUnavailableError(
    `${arn}: STS could not be had to assume the role (${describeFault(fault)}). Check the network, ` +
      'and AWS_ENDPOINT_URL_STS if it is set; then run it again to go on from here.',
  );
}
