/** The service's pattern for a pool id, of 1 to 55 characters (API reference of ListUsers). */
export const POOL_ID_PATTERN = /^(?=.{1,55}$)[\w-]+_[0-9a-zA-Z]+$/;

/** Returns true if the service accepts this text as a pool id. */
export function isPoolId(text: string): boolean {
  return POOL_ID_PATTERN.test(text);
}

/** Explains why a text is not a pool id. If it is an ARN, names the pool id in it. */
export function poolIdProblem(text: string): string {
  const [, id] = /^arn:[\w-]+:cognito-idp:.*:userpool\/(.+)$/.exec(text) ?? [];
  return id !== undefined && isPoolId(id)
    ? `${JSON.stringify(text)} is an ARN; its pool id is ${id}.`
    : `${JSON.stringify(text)} is not a pool id.`;
}

/**
 * Parses the Region of a pool id, the part before the first underscore. Replicas of a pool in other
 * Regions share its id, so this is the Region of the primary.
 */
export function parseRegion(poolId: string): string {
  return poolId.slice(0, poolId.indexOf('_'));
}
