/** What the service accepts as a pool's id: 1 to 55 characters (API reference of ListUsers). */
export const POOL_ID_PATTERN = /^(?=.{1,55}$)[\w-]+_[0-9a-zA-Z]+$/;

/** True if the service would take this text as a pool's id. */
export function isPoolId(text: string): boolean {
  return POOL_ID_PATTERN.test(text);
}

/** Why a text is not a pool's id: an ARN holds one. The text is quoted. */
export function poolIdProblem(text: string): string {
  const [, id] = /^arn:[\w-]+:cognito-idp:.*:userpool\/(.+)$/.exec(text) ?? [];
  const held =
    id !== undefined && isPoolId(id) ? `an ARN; the pool id in it is ${id}` : 'no pool id';
  return `${JSON.stringify(text)} is ${held}.`;
}

/**
 * The Region in a pool's id: the part before the first underscore. Replicas of a pool in other
 * Regions share its id, so this is the primary's.
 */
export function parseRegion(poolId: string): string {
  return poolId.slice(0, poolId.indexOf('_'));
}
