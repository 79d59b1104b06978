import type { Cognito } from '../cognito/client.ts';
import { FilterRefusedError, ParameterRefusedError, TokenRefusedError } from '../cognito/errors.ts';
import type { Page } from '../cognito/pages.ts';
import { listChildren } from '../cognito/shards.ts';
import { mapParallel } from '../common/parallel.ts';
import type { User } from '../model/directory.ts';
import { encodeName } from '../model/storable.ts';
import type { RestoreProgress } from './progress.ts';
import type { SourceUser } from './source-user.ts';
import type { TargetState } from './target-state.ts';

/** A pool with more users is read in shards: one chain of pages would not use the quota. */
const SMALL = 1_200;
/** Chains that are read at the same time. The quota is their limit, not this number. */
const CHAINS = 16;
/** Tokens that were refused so often will be refused again. */
const MOST_ATTEMPTS = 10;

/** What reading the target needs. */
export interface TargetReading {
  readonly cognito: Cognito;
  readonly target: TargetState;
  readonly progress: RestoreProgress;
  readonly signal: AbortSignal;
}

/** Reads the groups of the target. */
export async function readTargetGroups({
  cognito,
  target,
  progress,
  signal,
}: TargetReading): Promise<void> {
  const { poolId } = target.pool;
  await readChain(
    () => cognito.groupPages(poolId, { token: null }, signal),
    (group) => {
      target.addGroup(group);
      progress.target.groups += 1;
    },
  );
}

/**
 * Reads all users of the target, and the members of some of its groups.
 *
 * @param groupNames the groups whose members matter; those that the target lacks are skipped
 */
export async function readWholeTarget(
  reading: TargetReading,
  groupNames: Iterable<string>,
): Promise<void> {
  await readUsers(reading);
  const { cognito, target, progress, signal } = reading;
  const { poolId } = target.pool;
  const there = [...groupNames].filter((name) => target.group(name) !== null);
  await mapParallel(there, CHAINS, async (groupName) => {
    const members = new Set<string>();
    await readChain(
      () => cognito.memberPages(poolId, groupName, { token: null }, signal),
      ({ username }) => {
        members.add(username);
        progress.target.memberships += 1;
      },
    );
    target.setMembers(groupName, members);
  });
}

/** Users whose `sub` is not a lower-case UUID are in no shard, so an incomplete reading is repeated as a whole. */
async function readUsers(reading: TargetReading): Promise<void> {
  const { target } = reading;
  const { estimatedUsers } = target.pool;
  if (estimatedUsers > SMALL) {
    try {
      await mapParallel(listChildren(''), CHAINS, (prefix) => readShard(reading, prefix));
    } catch (error) {
      if (!(error instanceof FilterRefusedError)) throw error;
    }
    if (target.userCount >= estimatedUsers) return;
  }
  await readShard(reading, '');
}

async function readShard(
  { cognito, target, progress, signal }: TargetReading,
  prefix: string,
): Promise<void> {
  await readChain(
    () => cognito.userPages(target.pool.poolId, prefix, { token: null }, signal),
    (user) => {
      target.addUser(user);
      progress.target.users = target.userCount;
    },
  );
}

/** Reads those users of the target that users of the snapshot may be, and their groups. */
export async function readNamedTarget(
  reading: TargetReading,
  users: readonly SourceUser[],
): Promise<void> {
  const { cognito, target, progress, signal } = reading;
  const { poolId } = target.pool;
  const members = new Map<string, string[]>();
  await mapParallel(users, CHAINS, async (user) => {
    for (const name of namesOf(user, target)) {
      const found = await findUser(cognito, poolId, name, signal);
      if (found === null || target.user(found.username) !== null) continue;
      target.addUser(found);
      progress.target.users = target.userCount;
      for (const groupName of await cognito.groupNamesOf(poolId, found.username, signal)) {
        members.set(groupName, [...(members.get(groupName) ?? []), found.username]);
        progress.target.memberships += 1;
      }
    }
  });
  for (const [groupName, usernames] of members) target.setMembers(groupName, usernames);
}

/** The names by which the target may know a user: its username, and its aliases there. */
function namesOf({ username, attributes }: SourceUser, target: TargetState): string[] {
  return [...new Set([username, ...target.aliasesOf(attributes).map(encodeName)])];
}

async function findUser(
  cognito: Cognito,
  poolId: string,
  name: string,
  signal: AbortSignal,
): Promise<User | null> {
  try {
    return await cognito.getUser(poolId, name, signal);
  } catch (error) {
    // The service refuses names that no user of it can have.
    if (error instanceof ParameterRefusedError) return null;
    throw error;
  }
}

/** Reads a chain of pages, and begins again if the service refuses a token. */
async function readChain<T>(
  open: () => AsyncIterable<Page<T>>,
  use: (item: T) => void,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      for await (const { items } of open()) items.forEach(use);
      return;
    } catch (error) {
      if (!(error instanceof TokenRefusedError) || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}
