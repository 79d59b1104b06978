import type { Role } from '../config/pool-settings.ts';
import { ActionRequiredError, MirrorError, type Problem, ResumableError } from '../model/errors.ts';
import type { RestoreFailure } from '../model/restore.ts';
import type { Operation } from '../quota/quotas.ts';

/**
 * The service refused a page token as too old or unknown. The walk must start again. The service has
 * no error of its own for this: every InvalidParameterException of a call with a token counts.
 */
export class TokenRefusedError extends ResumableError {}

/** The service's page tokens never end. The walk must start again. */
export class EndlessChainError extends TokenRefusedError {
  constructor(sign: string) {
    super(`The service's listing does not end: ${sign}. Run it again later.`);
  }
}

/** The service refused to filter by a prefix of `sub`. The pool must be read in a single chain. */
export class FilterRefusedError extends ResumableError {}

/** The retries are used up, or throttling did not end. */
export class ServiceUnavailableError extends ResumableError {}

/** The service throttled for as long as a call waits. */
export class ThrottledError extends ServiceUnavailableError {}

/**
 * The service has disabled the operation for the pool in this Region: permanently in a secondary
 * Region of a replicated pool, temporarily during a recovery. It does not say which.
 */
export class OperationNotEnabledError extends ResumableError {
  constructor(
    subject: string,
    { poolId, region }: { poolId: string; region: string },
    detail: string,
  ) {
    const where =
      poolId === ''
        ? 'set AWS_REGION to the Region where the pools are primary'
        : `name the pool's primary Region as pools.${poolId}.region in the file of MIRROR_CONFIG`;
    super(
      `${subject}: the operation is not enabled in ${region} (${detail}). If the pool is being ` +
        `recovered, wait and run it again. If ${region} is a secondary Region, ${where}.`,
    );
  }
}

/** The answer does not match the service's API. */
export class MalformedAnswerError extends ResumableError {
  constructor(what: string) {
    super(`The service sent a malformed answer: ${what}. Run it again to resume.`);
  }
}

/** The pool does not exist in the Region. For ListUsersInGroup: the pool or the group. */
export class ResourceNotFoundError extends ActionRequiredError {
  readonly operation: Operation;

  constructor(operation: Operation, poolId: string, region: string) {
    const what = operation === 'ListUsersInGroup' ? 'the pool or the group' : 'the pool';
    super([
      {
        subject: poolId,
        problem: `${what} does not exist in ${region}, in the account of the credentials in use.`,
        remedy: 'Check the id, and check the account with `aws sts get-caller-identity`.',
      },
    ]);
    this.operation = operation;
  }
}

/** The credentials are valid, but lack the right to make the call. */
export class NotAuthorizedError extends ActionRequiredError {
  readonly operation: Operation;

  constructor(operation: Operation, poolId: string, region: string) {
    const resource =
      operation === 'ListUserPools' || operation === 'DescribeUserPoolDomain'
        ? '*'
        : `arn:${findPartition(region)}:cognito-idp:${region}:*:userpool/${poolId}`;
    super([
      {
        subject: poolId || region,
        problem: `the credentials in use may not call ${operation}.`,
        remedy: `Allow the action cognito-idp:${operation} on ${resource} in their IAM policy.${findExtraRight(operation)}`,
      },
    ]);
    this.operation = operation;
  }
}

/** Credentials are missing, or the service rejects them. */
export class CredentialsError extends ActionRequiredError {
  constructor(problem: string, remedy: string) {
    super([{ subject: 'AWS credentials', problem, remedy }]);
  }
}

/** STS refuses the credentials of a role. */
export class RoleRefusedError extends ActionRequiredError {
  constructor({ arn, externalId }: Role, detail: string) {
    const condition =
      externalId === null
        ? 'and requires no external id'
        : 'and requires the configured external id';
    super([
      {
        subject: arn,
        problem: `the credentials in use may not assume the role (${detail}).`,
        remedy:
          'Check that the role exists, that its trust policy names these credentials (see `aws ' +
          `sts get-caller-identity\`) ${condition}, and that their own IAM policy allows ` +
          'sts:AssumeRole on it.',
      },
    ]);
  }
}

/** The service refused the request, and would refuse it again. */
export class RefusedRequestError extends ActionRequiredError {}

/** The service refused a parameter: the name in AdminGetUser, the filter in ListUsers. */
export class ParameterRefusedError extends RefusedRequestError {}

/** The service refused one write. It may accept the next, which is about something else. */
export class WriteRefusedError extends RefusedRequestError {
  readonly failure: RestoreFailure;

  constructor(failure: RestoreFailure, problem: Problem) {
    super([problem]);
    this.failure = failure;
  }
}

/** AdminGetUser found no user with that name. */
export class UserNotFoundError extends MirrorError {
  readonly code = 'user_not_found';
}

/** The service passes the role of a group, and needs the caller's right to do so. */
function findExtraRight(operation: Operation): string {
  return operation === 'CreateGroup' || operation === 'UpdateGroup'
    ? ' A group with a role also needs iam:PassRole on that role.'
    : '';
}

function findPartition(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
