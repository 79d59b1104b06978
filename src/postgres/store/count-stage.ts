import type { Counts } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import { selectDeletedRows } from './drift.ts';
import type { SnapshotLease } from './leases.ts';
import { type StageTables, stageTables } from './stage.ts';

/** What publishing a stage would do to the current state. */
export interface StageCounts {
  /** Rows now. */
  readonly current: Counts;
  /** Rows after. */
  readonly next: Counts;
  /** Current rows that would be removed, including rows whose name another person has now. */
  readonly removed: Counts;
}

type DatasetCounts = Record<keyof StageCounts, number>;

/** Counts what publishing a stage would do. Its reads must be merged. */
export async function countStage(db: Queryable, lease: SnapshotLease): Promise<StageCounts> {
  const t = stageTables(lease.stage);
  const users = await addDeletedRows(db, lease, await count(db, lease, compareUsers(t)));
  const groups = await count(db, lease, compareGroups(t));
  const memberships = await count(db, lease, compareMemberships(t));
  const collect = (key: keyof StageCounts): Counts => ({
    users: users[key],
    groups: groups[key],
    memberships: memberships[key],
  });
  return { current: collect('current'), next: collect('next'), removed: collect('removed') };
}

/** How to compare the current rows `c` of a dataset with its staged rows `s`, as SQL. */
interface Comparison {
  readonly current: string;
  readonly staged: string;
  /** True for two rows with the same key. */
  readonly sameKey: string;
  /** True if two rows with the same key belong to different persons. Default: never. */
  readonly another?: string;
  /** A query with a row if a current row stays although it is not staged. Default: none stays. */
  readonly kept?: string;
  /** True if cognito-mirror did not write the current row: its end is not a removal. Default: never. */
  readonly foreign?: string;
}

async function count(
  db: Queryable,
  lease: SnapshotLease,
  {
    current,
    staged,
    sameKey,
    another = 'false',
    kept = 'SELECT WHERE false',
    foreign = 'false',
  }: Comparison,
): Promise<DatasetCounts> {
  const counted = await db.query<DatasetCounts>(
    `SELECT count(*) AS current,
       (SELECT count(*) FROM ${staged}) + count(*) FILTER (WHERE k.kept) AS next,
       count(*) FILTER (
         WHERE CASE WHEN s.read_at IS NULL THEN NOT k.kept AND NOT ${foreign} ELSE ${another} END
       ) AS removed
     FROM ${current} AS c
     LEFT JOIN ${staged} AS s ON ${sameKey}
     CROSS JOIN LATERAL (SELECT s.read_at IS NULL AND EXISTS (${kept}) AS kept) AS k
     WHERE c.pool_id = $1`,
    [lease.poolId],
  );
  return counted.rows[0] as DatasetCounts;
}

function compareUsers(t: StageTables): Comparison {
  return {
    current: 'directory.users',
    staged: t.users,
    sameKey: 's.username = c.username',
    // The sub of a drifted row need not be the published one.
    another: `s.sub IS DISTINCT FROM c.sub AND NOT EXISTS (
      SELECT FROM mirror.user_hashes AS h
      WHERE h.pool_id = $1 AND h.username = c.username AND h.stale
        AND (h.hash = s.hash OR h.hash IS NULL)
    )`,
    kept: `SELECT FROM ${t.confirmed} AS a WHERE a.username = c.username`,
    foreign: `EXISTS (
      SELECT FROM mirror.user_hashes AS h
      WHERE h.pool_id = $1 AND h.username = c.username AND h.stale AND h.hash IS NULL
    )`,
  };
}

function compareGroups(t: StageTables): Comparison {
  return {
    current: 'directory.groups',
    staged: t.groups,
    sameKey: 's.group_name = c.group_name',
  };
}

function compareMemberships(t: StageTables): Comparison {
  return {
    current: 'directory.memberships',
    staged: t.memberships,
    sameKey: 's.group_name = c.group_name AND s.username = c.username',
    another: 's.sub IS DISTINCT FROM c.sub',
    kept: `SELECT FROM ${t.confirmed} AS a JOIN ${t.groups} AS g ON g.group_name = c.group_name
      WHERE a.username = c.username`,
  };
}

/** Counts users whose row something else deleted as current, and as removed if the pool lacks them. */
async function addDeletedRows(
  db: Queryable,
  lease: SnapshotLease,
  { current, next, removed }: DatasetCounts,
): Promise<DatasetCounts> {
  const t = stageTables(lease.stage);
  const counted = await db.query<{ missing: number; gone: number }>(
    `SELECT count(*) AS missing, count(*) FILTER (
       WHERE NOT EXISTS (SELECT FROM ${t.users} AS s WHERE s.username = h.username)
         AND NOT EXISTS (SELECT FROM ${t.confirmed} AS a WHERE a.username = h.username)
     ) AS gone
     FROM ${selectDeletedRows('h')}`,
    [lease.poolId],
  );
  const { missing = 0, gone = 0 } = counted.rows[0] ?? {};
  return { current: current + missing, next, removed: removed + gone };
}
