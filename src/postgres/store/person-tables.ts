import type { Queryable } from '../connection.ts';

/** A table with rows about persons. */
export interface PersonTable {
  /** With its schema, quoted. */
  readonly table: string;
  /** `users`, `memberships` or … for a stage; else the name of the table. */
  readonly name: string;
  readonly hasPool: boolean;
  readonly hasSub: boolean;
  /** The number of a stage. */
  readonly stage: number | null;
}

/**
 * The tables with a column `username` in both schemas, from the catalog, so that none can be missed: those
 * of `directory`, the hashes of users, and the stages of the pool's open snapshots.
 */
export async function listPersonTables(db: Queryable, poolId: string): Promise<PersonTable[]> {
  const found = await db.query<PersonTable>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS table,
       regexp_replace(c.relname, '^stage_[0-9]+_', 'stage_') AS name,
       bool_or(a.attname = 'pool_id') AS "hasPool", bool_or(a.attname = 'sub') AS "hasSub",
       substring(c.relname FROM '^stage_([0-9]+)_')::integer AS stage
     FROM pg_class AS c
     JOIN pg_namespace AS n ON n.oid = c.relnamespace
     JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE n.nspname IN ('directory', 'mirror') AND c.relkind = 'r'
       AND (substring(c.relname FROM '^stage_([0-9]+)_') IS NULL OR EXISTS (
         SELECT FROM mirror.runs AS r
         WHERE r.pool_id = $1 AND r.stage = substring(c.relname FROM '^stage_([0-9]+)_')::integer
       ))
     GROUP BY n.nspname, c.relname
     HAVING bool_or(a.attname = 'username')
     ORDER BY 1`,
    [poolId],
  );
  return found.rows;
}

/** Finds the persons of a pool whose username or `sub` is one of these texts. */
export async function findPersons(
  db: Queryable,
  poolId: string,
  texts: readonly string[],
): Promise<{ username: string; sub: string | null }[]> {
  const persons = new Map<string, { username: string; sub: string | null }>();
  for (const { table, hasPool, hasSub } of await listPersonTables(db, poolId)) {
    if (!hasSub) continue;
    const found = await db.query<{ username: string; sub: string | null }>(
      `SELECT DISTINCT username, sub FROM ${table}
       WHERE ${hasPool ? 'pool_id = $1' : '$1::text IS NOT NULL'}
         AND (username = ANY ($2) OR sub = ANY ($2))`,
      [poolId, texts],
    );
    for (const row of found.rows) persons.set(JSON.stringify([row.username, row.sub]), row);
  }
  return [...persons.values()];
}

/** Persons that are read at once. */
const BATCH = 10_000;

/** Every person with a `sub` of a pool, in the current state and the history. */
export async function* streamPersons(
  db: Queryable,
  poolId: string,
): AsyncGenerator<{ username: string; sub: string }> {
  for (const table of ['directory.users', 'directory.user_history']) {
    let after = '';
    for (;;) {
      const found = await db.query<{ username: string; sub: string }>(
        `SELECT DISTINCT username, sub FROM ${table}
         WHERE pool_id = $1 AND sub > $2 ORDER BY sub, username LIMIT $3`,
        [poolId, after, BATCH],
      );
      yield* found.rows;
      const last = found.rows.at(-1);
      if (last === undefined || found.rows.length < BATCH) break;
      after = last.sub;
    }
  }
}
