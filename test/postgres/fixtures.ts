import type pg from 'pg';
import type { Group, User } from '../../src/model/directory.ts';
import { commitGroups } from '../../src/postgres/store/commit-groups.ts';
import { commitPages } from '../../src/postgres/store/commit-pages.ts';
import type { SnapshotLease } from '../../src/postgres/store/leases.ts';
import { beginSnapshot } from '../../src/postgres/store/transitions.ts';
import {
  addWalks,
  leaseWalk,
  type PlannedWalk,
  type Walk,
} from '../../src/postgres/store/walks.ts';

export const POOL = 'eu-west-1_Fixture01';

/** A user with the given differences from a plain one. */
export function user(username: string, differences: Partial<User> = {}): User {
  const sub = differences.sub === undefined ? `sub-of-${username}` : differences.sub;
  return {
    username,
    sub,
    status: 'CONFIRMED',
    enabled: true,
    createdAt: new Date('2025-01-01T00:00:00.123Z'),
    modifiedAt: new Date('2025-06-01T00:00:00.456Z'),
    attributes: { sub: sub ?? '', email: `${username}@example.com`, email_verified: 'true' },
    mfaOptions: [],
    escaped: [],
    ...differences,
  };
}

/** A group with the given differences from a plain one. */
export function group(groupName: string, differences: Partial<Group> = {}): Group {
  return {
    groupName,
    description: null,
    roleArn: null,
    precedence: null,
    createdAt: new Date('2025-01-01T00:00:00Z'),
    modifiedAt: new Date('2025-01-01T00:00:00Z'),
    escaped: [],
    ...differences,
  };
}

/** What a pool holds, for a stage to be made of it without a service. */
export interface Content {
  readonly users: readonly User[];
  readonly groups?: readonly Group[];
  /** Members by group. */
  readonly members?: Readonly<Record<string, readonly User[]>>;
}

export async function begin(db: pg.Pool, poolId = POOL): Promise<SnapshotLease> {
  return (await beginSnapshot(db, poolId)).lease;
}

/** Adds a walk and takes its lease. */
export async function startWalk(
  db: pg.Pool,
  lease: SnapshotLease,
  planned: Partial<PlannedWalk>,
): Promise<Walk> {
  const [walk] = await addWalks(db, lease, [
    { kind: 'users', prefix: '', groupName: null, expected: null, ...planned },
  ]);
  return (await leaseWalk(db, lease, (walk as Walk).id)) as Walk;
}

/** Commits one page of a walk over users; `null` as its token ends the walk. */
export async function commitUsers(
  db: pg.Pool,
  lease: SnapshotLease,
  walk: Walk,
  users: readonly User[],
  nextToken: string | null = null,
): Promise<boolean> {
  const page = {
    walk,
    nextToken,
    sentAt: performance.now(),
    waitedMs: 0,
    retries: 0,
    users,
    members: [],
  };
  return (await commitPages(db, lease, [page])).has(walk.id);
}

/** Stages a whole pool, each walk in one page. */
export async function stage(db: pg.Pool, lease: SnapshotLease, content: Content): Promise<void> {
  const users = await startWalk(db, lease, {});
  await commitUsers(db, lease, users, content.users);
  const groups = await startWalk(db, lease, { kind: 'groups', prefix: null });
  const walks = await commitGroups(db, lease, {
    walk: groups,
    nextToken: null,
    sentAt: performance.now(),
    waitedMs: 0,
    retries: 0,
    groups: content.groups ?? [],
  });
  for (const { id } of walks) {
    const walk = (await leaseWalk(db, lease, id)) as Walk;
    const members = content.members?.[walk.groupName ?? ''] ?? [];
    const page = {
      walk,
      nextToken: null,
      sentAt: performance.now(),
      waitedMs: 0,
      retries: 0,
      users: [],
      members,
    };
    await commitPages(db, lease, [page]);
  }
}
