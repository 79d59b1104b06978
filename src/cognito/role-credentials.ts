import type { NodeHttpHandler } from '@smithy/node-http-handler';
import {
  type CredentialsProvider,
  NoCredentialsError,
  roleCredentials,
} from '../aws/credentials.ts';
import type { Role } from '../config/pool-settings.ts';
import { ActionRequiredError } from '../model/errors.ts';
import { classify, type Verdict } from './error-table.ts';
import {
  CredentialsError,
  ParameterRefusedError,
  RefusedRequestError,
  RoleRefusedError,
  ServiceUnavailableError,
} from './errors.ts';
import { AttemptFailed } from './retry.ts';

/** Names the mirror in CloudTrail, and in policies that ask for a session's name. */
const SESSION_NAME = 'cognito-mirror';

/**
 * The credentials of a pool's role. Each look-up is one attempt; the client keeps what it gives until
 * five minutes before it expires, and looks up once for all who ask meanwhile.
 *
 * @throws AttemptFailed whose verdict says whether to try again
 */
export function poolCredentials(
  region: string,
  role: Role,
  requestHandler: NodeHttpHandler,
): CredentialsProvider {
  const provider = roleCredentials({ ...role, region, sessionName: SESSION_NAME }, requestHandler);
  return async (identity) => {
    try {
      return await provider(identity);
    } catch (error) {
      if (error instanceof NoCredentialsError) throw error;
      throw new AttemptFailed(judgeRole(error, region, role));
    }
  };
}

/** The verdict is of a look-up, which is no call of Cognito; this name must not reach a person. */
const OPERATION = 'DescribeUserPool';

/** STS fails as every service does; only what it refuses is about the role. */
function judgeRole(error: unknown, region: string, role: Role): Verdict {
  const verdict = classify(error, {
    operation: OPERATION,
    poolId: '',
    region,
    carriesToken: false,
    carriesShardFilter: false,
  });
  // A variable that names no proxy is found where a request is sent.
  if (error instanceof ActionRequiredError || verdict.error instanceof CredentialsError) {
    return verdict;
  }
  if (verdict.action !== 'stop') {
    // Throttling by STS is no reason to slow a bucket of Cognito down.
    return { ...verdict, action: 'retry', error: unavailable(role, verdict.reason) };
  }
  // The proxy or the server refused the connection, and STS decided nothing about the role.
  if (
    verdict.error instanceof RefusedRequestError &&
    !(verdict.error instanceof ParameterRefusedError)
  ) {
    const problems = verdict.error.problems.map(({ subject, ...rest }) => ({
      subject: subject === OPERATION ? `${role.arn}: STS` : subject,
      ...rest,
    }));
    return { ...verdict, error: new RefusedRequestError(problems) };
  }
  return { ...verdict, error: new RoleRefusedError(role, verdict.reason) };
}

function unavailable({ arn }: Role, detail: string): ServiceUnavailableError {
  return new ServiceUnavailableError(
    `${arn}: STS did not answer the request to assume the role (${detail}). Check ` +
      'the network, and AWS_ENDPOINT_URL_STS if it is set; then run it again to go on from here.',
  );
}
