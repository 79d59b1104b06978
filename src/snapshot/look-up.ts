import type { SnapshotContext } from './context.ts';

/** Of more people than this, this many are asked after, chosen by hash. */
export const MOST_LOOK_UPS = 1000;

/** Users asked after at a time; the bucket paces them. */
const SIDE_BY_SIDE = 8;

/**
 * Asks the service after each person by name, with AdminGetUser. The first failure ends it.
 *
 * @returns the names under which the same person, by `sub`, is alive.
 */
export async function findAlive(
  context: SnapshotContext,
  people: readonly { username: string; sub: string | null }[],
  signal: AbortSignal,
): Promise<string[]> {
  const { cognito, run } = context;
  const alive: string[] = [];
  const queue = people.values();
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const ask = async () => {
    try {
      for (const { username, sub } of queue) {
        const user = await cognito.getUser(run.poolId, username, stop);
        if (user !== null && user.sub === sub) alive.push(username);
      }
    } catch (error) {
      failed.abort(error);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, ask));
  stop.throwIfAborted();
  return alive;
}
