import { ServiceError } from './errors.ts';
import type { Operation } from './requests.ts';

/** How an operation is refused: by an IAM policy that lacks the action, or by the service itself. */
export const DENIALS = ['AccessDeniedException', 'NotAuthorizedException'] as const;
export type Denial = (typeof DENIALS)[number];

/** What a denial speaks of. */
export interface Denied {
  readonly operation: Operation;
  readonly account: string;
  readonly region: string;
  readonly poolId: string | undefined;
}

/** The refusal, with IAM's own wording where IAM refuses. */
export function denialError(denial: Denial, denied: Denied): ServiceError {
  if (denial === 'NotAuthorizedException') {
    return new ServiceError(denial, 'Not authorized to perform this operation.');
  }
  const { operation, account, region, poolId } = denied;
  const action = `cognito-idp:${operation}`;
  const resource =
    poolId === undefined ? '*' : `arn:aws:cognito-idp:${region}:${account}:userpool/${poolId}`;
  return new ServiceError(
    denial,
    `User: arn:aws:iam::${account}:user/simulated is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`,
  );
}
