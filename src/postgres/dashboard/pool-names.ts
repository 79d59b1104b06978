import type { Queryable } from '../connection.ts';

/** A pool that can be searched. */
export interface SearchablePool {
  readonly poolId: string;
  readonly name: string | null;
  readonly customAttributes: readonly string[];
}

/** The pools that were ever described, by id. */
export async function listSearchablePools(db: Queryable): Promise<SearchablePool[]> {
  const found = await db.query<SearchablePool>(
    `SELECT pool_id AS "poolId", name, custom_attributes AS "customAttributes"
     FROM directory.pools ORDER BY pool_id`,
  );
  return found.rows;
}
