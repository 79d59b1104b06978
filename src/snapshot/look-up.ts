import type { SnapshotContext } from './context.ts';

/** Users asked after at a time; the bucket paces them. */
const SIDE_BY_SIDE = 8;

/**
 * Asks the service after each person by name, with AdminGetUser.
 *
 * @returns the names under which the same person, by `sub`, is alive.
 */
export async function findAlive(
  context: SnapshotContext,
  people: readonly { username: string; sub: string | null }[],
  signal: AbortSignal,
): Promise<string[]> {
  const alive: string[] = [];
  const queue = people.values();
  const ask = async () => {
    for (const { username, sub } of queue) {
      const user = await context.cognito.getUser(context.run.poolId, username, signal);
      if (user !== null && user.sub === sub) alive.push(username);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, ask));
  return alive;
}
