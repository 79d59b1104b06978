import type { User } from '../model/user.ts';
import type { SnapshotContext } from './context.ts';

/** Of more people than this, this many are asked after, chosen by hash. */
export const MOST_LOOK_UPS = 1000;

/** Users asked after at a time; the bucket paces them. */
const SIDE_BY_SIDE = 8;

/**
 * Fetches people by name, with AdminGetUser. The first failure ends it.
 *
 * @returns each person with the profile that has the name now, or null where none has.
 */
export async function lookUp<Person extends { username: string }>(
  context: SnapshotContext,
  people: readonly Person[],
  signal: AbortSignal,
): Promise<{ person: Person; user: User | null }[]> {
  const { cognito, run } = context;
  const found: { person: Person; user: User | null }[] = [];
  const queue = people.values();
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const fetchNext = async () => {
    try {
      for (const person of queue) {
        found.push({ person, user: await cognito.getUser(run.poolId, person.username, stop) });
      }
    } catch (error) {
      failed.abort(error);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, fetchNext));
  stop.throwIfAborted();
  return found;
}

/** The names under which the same person, by `sub`, is alive. */
export async function findAlive(
  context: SnapshotContext,
  people: readonly { username: string; sub: string | null }[],
  signal: AbortSignal,
): Promise<string[]> {
  const found = await lookUp(context, people, signal);
  return found.flatMap(({ person, user }) =>
    user !== null && user.sub === person.sub ? [person.username] : [],
  );
}
