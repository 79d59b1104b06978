/** The service's pattern for a pool id, of 1 to 55 characters (API reference of ListUsers). */
export const POOL_ID_PATTERN = /^(?=.{1,55}$)[\w-]+_[0-9a-zA-Z]+$/;

/** The service's pattern for the name of a pool (API reference of CreateUserPool). */
const POOL_NAME_PATTERN = /^[\w\s+=,.@-]{1,128}$/;

/** An id, the ARN of a pool, or the name of one: what a person may give. */
export const POOL_REFERENCE_PATTERN =
  /^(arn:[\w-]+:cognito-idp:[^/]+:userpool\/.+|[\w\s+=,.@-]{1,128})$/;

const ARN = /^arn:[\w-]+:cognito-idp:([\w-]+):\d{12}:userpool\/(.+)$/;

/** An id whose first part is the name of a Region, as the service draws them. */
const REGIONAL_ID = /^[a-z]{2}(-[a-z]+)+-\d+_[0-9a-zA-Z]+$/;

/** What to give for a pool. */
export const POOL_REMEDY =
  'Give an id such as us-east-1_Ab12Cd34, an ARN, or the name of the pool.';

/** Returns true if the service accepts this text as a pool id. */
export function isPoolId(text: string): boolean {
  return POOL_ID_PATTERN.test(text);
}

/** What a person gave for a pool: its id, its name, or neither. */
export type PoolReference =
  | { readonly poolId: string }
  | { readonly name: string }
  | { readonly problem: string };

/**
 * Reads what a person gave for a pool: an id, an ARN or a name. A text such as `my_pool` fits the
 * pattern of ids too. It counts as a name, because ids start with a Region.
 */
export function parsePool(text: string): PoolReference {
  if (REGIONAL_ID.test(text) && isPoolId(text)) return { poolId: text };
  if (POOL_NAME_PATTERN.test(text) && text.trim() !== '') return { name: text };
  const [, region = '', poolId = ''] = ARN.exec(text) ?? [];
  if (!isPoolId(poolId)) return { problem: poolIdProblem(text) };
  return region === parseRegion(poolId)
    ? { poolId }
    : { problem: `${JSON.stringify(text)} has another Region than the pool id in it.` };
}

/** The problem of a text that is not a pool id. */
export function poolIdProblem(text: string): string {
  return `${JSON.stringify(text)} is not a pool id.`;
}

/**
 * Parses the Region of a pool id, the part before the first underscore. Replicas of a pool in other
 * Regions share its id, so this is the Region of the primary.
 */
export function parseRegion(poolId: string): string {
  return poolId.slice(0, poolId.indexOf('_'));
}
