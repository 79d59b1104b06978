import { ParameterRefusedError } from '../cognito/errors.ts';
import type { User } from '../model/directory.ts';
import type { SnapshotContext } from './context.ts';

/** Of more people than this, this many are asked after, chosen by hash. */
export const MAX_CONFIRMATIONS = 1000;

/** Users asked after at a time; the bucket paces them. */
const SIDE_BY_SIDE = 8;

/** Someone to look up; without a `sub` they can be asked for by name alone. */
interface Named {
  readonly username: string;
  readonly sub?: string | null;
}

/** A person with the profile that has the name now. */
export interface Found<Person> {
  readonly person: Person;
  /** Null where no profile has the name, or the service refuses to tell. */
  readonly user: User | null;
  /** True where the service refuses the name, and the `sub` too. */
  readonly refused: boolean;
}

/**
 * Fetches people by name, with AdminGetUser, and counts them in the snapshot's progress. Where it
 * refuses a name, the person is fetched from the listing of users, by `sub`. The first other failure
 * ends it.
 */
export async function fetchUsers<Person extends Named>(
  context: SnapshotContext,
  people: readonly Person[],
  signal: AbortSignal,
): Promise<Found<Person>[]> {
  const { progress } = context;
  const found: Found<Person>[] = [];
  const queue = people.values();
  const counts = { done: 0, total: people.length };
  if (people.length > 0) progress.counts = counts;
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const fetchNext = async () => {
    try {
      for (const person of queue) {
        const user = await fetchOne(context, person, stop);
        found.push({ person, user: user ?? null, refused: user === undefined });
        counts.done += 1;
      }
    } catch (error) {
      failed.abort(error);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, fetchNext));
  progress.counts = null;
  stop.throwIfAborted();
  const refused = found.filter((each) => each.refused).length;
  if (refused > 0) {
    context.log.warn(
      { poolId: context.lease.poolId, refused },
      'the service refuses to look up some names: what the mirror has of them stays',
    );
  }
  return found;
}

/** What the service knows of people, by name. */
export interface ConfirmedUsers {
  /** The names under which the same person, by `sub`, is alive. */
  readonly alive: readonly string[];
  /** The names of which the service refuses to tell. */
  readonly refused: readonly string[];
}

export async function confirmUsers(
  context: SnapshotContext,
  people: readonly { username: string; sub: string | null; missing?: boolean }[],
  signal: AbortSignal,
): Promise<ConfirmedUsers> {
  const found = await fetchUsers(context, people, signal);
  const isAlive = ({ person, user }: (typeof found)[number]) =>
    user !== null && (person.missing || user.sub === person.sub);
  return {
    alive: found.filter(isAlive).map(({ person }) => person.username),
    refused: found.filter(({ refused }) => refused).map(({ person }) => person.username),
  };
}

/** Undefined where the service refuses to tell. */
async function fetchOne(
  { cognito, lease }: SnapshotContext,
  { username, sub = null }: Named,
  signal: AbortSignal,
): Promise<User | null | undefined> {
  try {
    return await cognito.getUser(lease.poolId, username, signal);
  } catch (error) {
    if (!(error instanceof ParameterRefusedError)) throw error;
  }
  if (sub === null) return undefined;
  try {
    const user = await cognito.findBySub(lease.poolId, sub, signal);
    return user?.username === username ? user : null;
  } catch (error) {
    if (!(error instanceof ParameterRefusedError)) throw error;
    return undefined;
  }
}
