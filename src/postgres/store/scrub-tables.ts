import type { Queryable } from '../connection.ts';
import { listPersonTables } from './person-tables.ts';

/** Collects statistics again: they keep samples of values. A role without the right changes nothing. */
export async function analyzePersonTables(db: Queryable, poolId: string): Promise<void> {
  const tables = await listPersonTables(db, poolId);
  await db.query(`ANALYZE ${tables.map(({ table }) => table).join(', ')}`);
}

/** A table that is rewritten, with its size. */
export interface ScrubbedTable {
  readonly table: string;
  readonly bytes: number;
  /** True if this role may rewrite it: it owns the table or the database. */
  readonly isOwned: boolean;
}

/** The tables that `scrubTables` rewrites, and Postgres's own statistics. */
export async function listScrubbed(db: Queryable, poolId: string): Promise<ScrubbedTable[]> {
  const tables = (await listPersonTables(db, poolId)).map(({ table }) => table);
  const found = await db.query<ScrubbedTable>(
    `SELECT name AS "table", pg_total_relation_size(name::regclass) AS bytes,
       pg_has_role(c.relowner, 'USAGE') OR pg_has_role(d.datdba, 'USAGE') AS "isOwned"
     FROM unnest($1::text[]) AS name JOIN pg_class AS c ON c.oid = name::regclass
     JOIN pg_database AS d ON d.datname = current_database() ORDER BY 1`,
    [[...tables, 'pg_catalog.pg_statistic']],
  );
  return found.rows;
}

/**
 * Rewrites tables without their dead rows. Each is locked against readers and writers meanwhile, and needs
 * as much disk again.
 */
export async function scrubTables(
  db: Queryable,
  tables: readonly ScrubbedTable[],
  signal: AbortSignal,
): Promise<void> {
  for (const { table, isOwned } of tables) {
    signal.throwIfAborted();
    if (isOwned) await db.query(`VACUUM (FULL, ANALYZE) ${table}`);
  }
}
