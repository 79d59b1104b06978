import type { Role } from '../config/pool-settings.ts';
import { ActionRequiredError, MirrorError, ResumableError } from '../model/errors.ts';
import type { Operation } from '../quota/quotas.ts';

/**
 * The service refused a page token: too old, or no longer known. The walk must start again. The
 * service does not tell this from another invalid parameter, so every InvalidParameterException
 * of a call with a token counts.
 */
export class TokenRefusedError extends ResumableError {}

/** The service's page tokens lead to no end. The walk must start again. */
export class EndlessChainError extends TokenRefusedError {
  constructor(sign: string) {
    super(`The service's listing does not end: ${sign}. Run it again later.`);
  }
}

/** The service refused to cut the pool by a prefix of `sub`: it must be walked serially. */
export class FilterRefusedError extends ResumableError {}

/** The service gave up answering: retries are used up, or throttling did not end. */
export class ServiceUnavailableError extends ResumableError {}

/** It throttled for as long as a call waits. */
export class ThrottledError extends ServiceUnavailableError {}

/**
 * The service has switched the operation off for the pool in this Region: in a secondary Region of a
 * replicated pool for good, while a pool is recovered for some time. It does not say which.
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

/** The service answered with something that is no answer of its API. */
export class MalformedAnswerError extends ResumableError {
  constructor(what: string) {
    super(`The service sent a malformed answer: ${what}. Run it again to go on from here.`);
  }
}

/** There is no such pool in the Region; of ListUsersInGroup: no such pool, or no such group. */
export class ResourceNotFoundError extends ActionRequiredError {
  readonly operation: Operation;

  constructor(operation: Operation, poolId: string, region: string) {
    const what = operation === 'ListUsersInGroup' ? 'the pool or the group' : 'the pool';
    super([
      {
        subject: poolId,
        problem: `${what} does not exist in ${region}, in the account of the credentials in use.`,
        remedy:
          'Check the id, and with `aws sts get-caller-identity` that the account is the right one.',
      },
    ]);
    this.operation = operation;
  }
}

/** The credentials are good, but may not make the call. */
export class NotAuthorizedError extends ActionRequiredError {
  readonly operation: Operation;

  constructor(operation: Operation, poolId: string, region: string) {
    const resource =
      operation === 'ListUserPools'
        ? '*'
        : `arn:${partitionOf(region)}:cognito-idp:${region}:*:userpool/${poolId}`;
    super([
      {
        subject: poolId || region,
        problem: `the credentials in use may not call ${operation}.`,
        remedy: `Allow the action cognito-idp:${operation} on ${resource} in their IAM policy.`,
      },
    ]);
    this.operation = operation;
  }
}

/** There are no credentials, or the service does not take them. */
export class CredentialsError extends ActionRequiredError {
  constructor(problem: string, remedy: string) {
    super([{ subject: 'AWS credentials', problem, remedy }]);
  }
}

/** STS does not give out the credentials of a role. */
export class RoleRefusedError extends ActionRequiredError {
  constructor({ arn, externalId }: Role, detail: string) {
    const condition =
      externalId === null
        ? 'and asks for no external id'
        : 'and asks for the external id that is set';
    super([
      {
        subject: arn,
        problem: `STS does not let the credentials in use assume the role (${detail}).`,
        remedy:
          'Check that there is such a role, that its trust policy names them (`aws sts ' +
          `get-caller-identity\` shows who they are) ${condition}, and that their own IAM policy ` +
          'allows sts:AssumeRole on it.',
      },
    ]);
  }
}

/** The service refused what was asked, and would refuse it again. */
export class RefusedRequestError extends ActionRequiredError {}

/** The service refused a parameter: of AdminGetUser the name, of ListUsers the filter. */
export class ParameterRefusedError extends RefusedRequestError {}

/** AdminGetUser found nobody of that name. */
export class UserNotFoundError extends MirrorError {}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}
