import type { Counts } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import { findDeletedRows } from './drift.ts';
import type { SnapshotLease } from './leases.ts';
import { type StageTables, stageTables } from './stage.ts';

/** What publishing a stage would make of the current state. */
export interface StageSizes {
  /** Rows now. */
  readonly current: Counts;
  /** Rows after. */
  readonly next: Counts;
  /** Rows of now that would be gone. A name that another person has by now is one of them. */
  readonly removed: Counts;
}

/** How the current rows `c` of a dataset stand to the staged rows `s`. */
interface Comparison {
  readonly current: string;
  readonly staged: string;
  /** True of rows of one key. */
  readonly sameKey: string;
  /** True of rows of one key that are not of one person. */
  readonly another: string;
  /** A query that finds something where a current row without a staged one is kept. */
  readonly kept: string;
  /** True of a current row that no publication wrote: its end is no removal. */
  readonly stranger: string;
}

/** Counts what publishing the stage would do; its reads are merged. */
export async function countStage(db: Queryable, lease: SnapshotLease): Promise<StageSizes> {
  const t = stageTables(lease.stage);
  const users = await withMissing(db, lease, await compare(db, lease, usersOf(t)));
  const groups = await compare(db, lease, groupsOf(t));
  const memberships = await compare(db, lease, membershipsOf(t));
  const each = (count: keyof StageSizes): Counts => ({
    users: users[count],
    groups: groups[count],
    memberships: memberships[count],
  });
  return { current: each('current'), next: each('next'), removed: each('removed') };
}

/** Users whose row something else deleted count as current, and as removed where they are gone. */
async function withMissing(
  db: Queryable,
  lease: SnapshotLease,
  { current, next, removed }: Record<keyof StageSizes, number>,
): Promise<Record<keyof StageSizes, number>> {
  const t = stageTables(lease.stage);
  const counted = await db.query<{ missing: number; gone: number }>(
    `SELECT count(*) AS missing, count(*) FILTER (
       WHERE NOT EXISTS (SELECT FROM ${t.users} AS s WHERE s.username = h.username)
         AND NOT EXISTS (SELECT FROM ${t.confirmed} AS a WHERE a.username = h.username)
     ) AS gone
     FROM ${findDeletedRows('h')}`,
    [lease.poolId],
  );
  const { missing = 0, gone = 0 } = counted.rows[0] ?? {};
  return { current: current + missing, next, removed: removed + gone };
}

const usersOf = (t: StageTables): Comparison => ({
  current: 'directory.users',
  staged: t.users,
  sameKey: 's.username = c.username',
  // A drifted row says nothing of the person that was published.
  another: `s.sub IS DISTINCT FROM c.sub AND NOT EXISTS (
    SELECT FROM mirror.user_hashes AS h
    WHERE h.pool_id = $1 AND h.username = c.username AND h.stale
      AND (h.hash = s.hash OR h.hash IS NULL)
  )`,
  kept: `SELECT FROM ${t.confirmed} AS a WHERE a.username = c.username`,
  stranger: `EXISTS (
    SELECT FROM mirror.user_hashes AS h
    WHERE h.pool_id = $1 AND h.username = c.username AND h.stale AND h.hash IS NULL
  )`,
});

const groupsOf = (t: StageTables): Comparison => ({
  current: 'directory.groups',
  staged: t.groups,
  sameKey: 's.group_name = c.group_name',
  another: 'false',
  kept: 'SELECT WHERE false',
  stranger: 'false',
});

const membershipsOf = (t: StageTables): Comparison => ({
  current: 'directory.memberships',
  staged: t.memberships,
  sameKey: 's.group_name = c.group_name AND s.username = c.username',
  another: 's.sub IS DISTINCT FROM c.sub',
  kept: `SELECT FROM ${t.confirmed} AS a JOIN ${t.groups} AS g ON g.group_name = c.group_name
    WHERE a.username = c.username`,
  stranger: 'false',
});

async function compare(
  db: Queryable,
  lease: SnapshotLease,
  { current, staged, sameKey, another, kept, stranger }: Comparison,
): Promise<Record<keyof StageSizes, number>> {
  const counted = await db.query<{ current: number; next: number; removed: number }>(
    `SELECT count(*) AS current,
       (SELECT count(*) FROM ${staged}) + count(*) FILTER (WHERE k.kept) AS next,
       count(*) FILTER (
         WHERE CASE WHEN s.read_at IS NULL THEN NOT k.kept AND NOT ${stranger} ELSE ${another} END
       ) AS removed
     FROM ${current} AS c
     LEFT JOIN ${staged} AS s ON ${sameKey}
     CROSS JOIN LATERAL (SELECT s.read_at IS NULL AND EXISTS (${kept}) AS kept) AS k
     WHERE c.pool_id = $1`,
    [lease.poolId],
  );
  return counted.rows[0] as { current: number; next: number; removed: number };
}

/** How a stage's users were read, and how many they are once its reads are merged. */
export interface Reading {
  readonly users: number;
  /** Whether they were read in shards. */
  readonly cut: boolean;
  /** Whether they were read in one chain, by decision. */
  readonly singleChain: boolean;
  /** Whether some are in no shard: those whose `sub` is missing, or no UUID in lower case. */
  readonly odd: boolean;
}

/** Tells how the users of a stage were read. */
export async function readUserCounts(db: Queryable, lease: SnapshotLease): Promise<Reading> {
  const t = stageTables(lease.stage);
  const found = await db.query<Reading>(
    `SELECT r.single_chain AS "singleChain",
       EXISTS (SELECT FROM ${t.walks} WHERE kind = 'users' AND state = 'split') AS cut,
       (SELECT count(*) FROM ${t.users}) AS users,
       r.single_chain AND EXISTS (
         SELECT FROM ${t.users} WHERE sub IS NULL OR sub !~ '^[0-9a-f]{8}-'
       ) AS odd
     FROM mirror.snapshot_leases AS r WHERE r.pool_id = $1 AND r.snapshot_at = $2`,
    [lease.poolId, lease.snapshotAt],
  );
  return found.rows[0] as Reading;
}

/** The sizes of the snapshot that a run is compared with; zeros for a pool's first. */
export async function readExpectedSizes(db: Queryable, lease: SnapshotLease): Promise<Counts> {
  const sizes = await db.query<Counts>(
    `SELECT coalesce(users, 0) AS users, coalesce(groups, 0) AS groups,
       coalesce(memberships, 0) AS memberships
     FROM directory.snapshots WHERE pool_id = $1 AND snapshot_at = $2`,
    [lease.poolId, lease.comparedWith],
  );
  return sizes.rows[0] ?? { users: 0, groups: 0, memberships: 0 };
}

/**
 * How many current users have a `sub` that begins with `prefix`, by the digit that follows it.
 * Digits that no user has are left out.
 */
export async function countUsersByNextDigit(
  db: Queryable,
  lease: SnapshotLease,
  prefix: string,
): Promise<Map<string, number>> {
  const counted = await db.query<{ digit: string; users: number }>(
    `SELECT substr(sub, $3::integer, 1) AS digit, count(*) AS users FROM directory.users
     WHERE pool_id = $1 AND sub >= $2 AND sub < $2 || 'g' GROUP BY digit`,
    [lease.poolId, prefix, prefix.length + 1],
  );
  return new Map(counted.rows.map((row) => [row.digit, row.users]));
}
