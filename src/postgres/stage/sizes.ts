import type { Counts } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';
import type { Run } from '../run.ts';
import { stageTables } from '../stage-tables.ts';

/** What publishing a stage would make of the current state. */
export interface StageSizes {
  /** Rows now. */
  readonly current: Counts;
  /** Rows after. */
  readonly next: Counts;
  /** Rows of now that would be gone. */
  readonly removed: Counts;
}

/** Counts what publishing the stage would do; its reads are merged. */
export async function stageSizes(db: Queryable, run: Run): Promise<StageSizes> {
  const t = stageTables(run.stage);
  const users = await sizes(
    db,
    run,
    'directory.users',
    t.users,
    ['username'],
    `SELECT FROM ${t.alive} AS a WHERE a.username = c.username`,
  );
  const groups = await sizes(db, run, 'directory.groups', t.groups, ['group_name']);
  const memberships = await sizes(
    db,
    run,
    'directory.memberships',
    t.memberships,
    ['group_name', 'username'],
    `SELECT FROM ${t.alive} AS a JOIN ${t.groups} AS g ON g.group_name = c.group_name
     WHERE a.username = c.username`,
  );
  const each = (count: 'current' | 'next' | 'removed'): Counts => ({
    users: users[count],
    groups: groups[count],
    memberships: memberships[count],
  });
  return { current: each('current'), next: each('next'), removed: each('removed') };
}

async function sizes(
  db: Queryable,
  run: Run,
  current: string,
  staged: string,
  key: readonly string[],
  kept = 'SELECT WHERE false',
): Promise<{ current: number; next: number; removed: number }> {
  const same = key.map((column) => `s.${column} = c.${column}`).join(' AND ');
  const counted = await db.query<{
    current: number;
    staged: number;
    kept: number;
    removed: number;
  }>(
    `SELECT count(*) AS current, (SELECT count(*) FROM ${staged}) AS staged,
       count(*) FILTER (WHERE s.read_at IS NULL AND k.kept) AS kept,
       count(*) FILTER (WHERE s.read_at IS NULL AND NOT k.kept) AS removed
     FROM ${current} AS c
     LEFT JOIN ${staged} AS s ON ${same}
     CROSS JOIN LATERAL (SELECT s.read_at IS NULL AND EXISTS (${kept}) AS kept) AS k
     WHERE c.pool_id = $1`,
    [run.poolId],
  );
  const row = counted.rows[0] as { current: number; staged: number; kept: number; removed: number };
  return { current: row.current, next: row.staged + row.kept, removed: row.removed };
}
