import { ParameterRefusedError } from '../cognito/errors.ts';
import { mapParallel } from '../common/parallel.ts';
import type { User } from '../model/directory.ts';
import type { SnapshotContext } from './context.ts';

/** At most this many users are confirmed, chosen by hash. */
export const MAX_CONFIRMATIONS = 1000;

/** Users fetched at a time; the bucket limits their rate. */
const CONCURRENCY = 8;

/** A user to fetch. Without a `sub`, only the name identifies it. */
interface Named {
  readonly username: string;
  readonly sub?: string | null;
}

/** A user that was asked for, and the profile that has its name now. */
export interface Found<Asked> {
  readonly asked: Asked;
  /** Null if no profile has the name, or the service refuses the name. */
  readonly user: User | null;
  /** True if the service refuses the name, and the `sub` too. */
  readonly refused: boolean;
}

/**
 * Fetches users by name with AdminGetUser, and counts them in the snapshot's progress. If the service
 * refuses a name, the user is fetched from ListUsers by `sub`. The first other failure ends it.
 */
export async function fetchUsers<Asked extends Named>(
  context: SnapshotContext,
  users: readonly Asked[],
  signal: AbortSignal,
): Promise<Found<Asked>[]> {
  const { progress } = context;
  const counts = { done: 0, total: users.length };
  if (users.length > 0) progress.counts = counts;
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const found = await mapParallel(users, CONCURRENCY, async (asked): Promise<Found<Asked>> => {
    try {
      const user = await fetchOne(context, asked, stop);
      counts.done += 1;
      return { asked, user: user ?? null, refused: user === undefined };
    } catch (error) {
      // The others would wait for permits of calls that nothing needs any more.
      failed.abort(error);
      throw error;
    }
  }).finally(() => {
    progress.counts = null;
  });
  signal.throwIfAborted();
  const refused = found.filter((each) => each.refused).length;
  if (refused > 0) {
    context.log.warn(
      { poolId: context.lease.poolId, refused },
      'the service refuses to look up some names: their rows stay',
    );
  }
  return found;
}

/** What the service knows about users, by name. */
interface ConfirmedUsers {
  /** The names of users that exist, with the same `sub`. */
  readonly existing: readonly string[];
  /** The names that the service refuses to look up. */
  readonly refused: readonly string[];
}

/** Asks the service which users exist. */
export async function confirmUsers(
  context: SnapshotContext,
  users: readonly { username: string; sub: string | null; rowDeleted?: boolean }[],
  signal: AbortSignal,
): Promise<ConfirmedUsers> {
  const found = await fetchUsers(context, users, signal);
  const exists = ({ asked, user }: (typeof found)[number]) =>
    user !== null && (asked.rowDeleted || user.sub === asked.sub);
  return {
    existing: found.filter(exists).map(({ asked }) => asked.username),
    refused: found.filter(({ refused }) => refused).map(({ asked }) => asked.username),
  };
}

/** Undefined if the service refuses the lookup. */
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
