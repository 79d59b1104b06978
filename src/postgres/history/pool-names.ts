import type { Pool } from '../../model/directory.ts';
import { QUESTION, readOnly } from '../session/read-only.ts';

/**
 * The mirrored pools of these names; none if the database has no mirror. Several pools can have one name.
 */
export function readPoolsByName(
  url: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Pick<Pool, 'poolId' | 'name'>[]> {
  return readOnly(
    url,
    QUESTION,
    async (db) => {
      const { rows } = await db.query<{ exists: boolean }>(
        `SELECT to_regclass('directory.pools') IS NOT NULL AS exists`,
      );
      if (!rows[0]?.exists) return [];
      const found = await db.query<Pick<Pool, 'poolId' | 'name'>>(
        `SELECT pool_id AS "poolId", name FROM directory.pools WHERE name = ANY ($1)
         ORDER BY pool_id`,
        [names],
      );
      return found.rows;
    },
    signal,
  );
}
