/** What the service accepts as a pool's id: 1 to 55 characters (API reference of ListUsers). */
export const POOL_ID_PATTERN = /^(?=.{1,55}$)[\w-]+_[0-9a-zA-Z]+$/;

/** True if the service would take this text as a pool's id. */
export function isPoolId(text: string): boolean {
  return POOL_ID_PATTERN.test(text);
}

/** The Region of a pool: the part of its id before the first underscore. */
export function regionOf(poolId: string): string {
  return poolId.slice(0, poolId.indexOf('_'));
}
