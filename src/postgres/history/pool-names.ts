import type { KnownPool } from '../../model/named-pools.ts';
import type { Queryable } from '../connection.ts';
import { QUESTION, readOnly } from '../session/read-only.ts';

/**
 * The mirrored pools of these names; none if the database has no mirror. Several pools can have one name.
 */
export function readPoolsByName(
  url: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<KnownPool[]> {
  return readOnly(
    url,
    QUESTION,
    async (db) => {
      const { rows } = await db.query<{ exists: boolean }>(
        `SELECT to_regclass('directory.pools') IS NOT NULL AS exists`,
      );
      return rows[0]?.exists ? selectPoolsByName(db, names) : [];
    },
    signal,
  );
}

/** The same, of a database that has a mirror. */
export async function selectPoolsByName(
  db: Queryable,
  names: readonly string[],
): Promise<KnownPool[]> {
  const { rows } = await db.query<KnownPool>(
    `SELECT pool_id AS "poolId", name, region, account_id AS "accountId"
     FROM directory.pools WHERE name = ANY ($1) ORDER BY pool_id`,
    [names],
  );
  return rows;
}
