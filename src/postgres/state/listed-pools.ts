import { ConfigurationError } from '../../model/errors.ts';
import type { Queryable } from '../connection.ts';

/** Notes that COGNITO_POOLS=all listed these pools just now. */
export async function noteListed(db: Queryable, poolIds: readonly string[]): Promise<void> {
  await db.query(
    `INSERT INTO mirror.pools (pool_id, listed_at) SELECT unnest($1::text[]), now()
     ON CONFLICT (pool_id) DO UPDATE SET listed_at = excluded.listed_at`,
    [poolIds],
  );
}

/**
 * The pools that an earlier listing had and this one lacks: those of the account and Region that it
 * is of. Its account is known once one of its pools was described.
 */
export async function vanishedPools(
  db: Queryable,
  region: string,
  listed: readonly string[],
): Promise<string[]> {
  const found = await db.query<{ poolId: string }>(
    `SELECT pool_id AS "poolId" FROM mirror.pools AS p JOIN directory.pools AS d USING (pool_id)
     WHERE p.listed_at IS NOT NULL AND d.region = $1 AND NOT pool_id = ANY ($2)
       AND d.account_id IN (
         SELECT account_id FROM directory.pools WHERE region = $1 AND pool_id = ANY ($2)
       )
     ORDER BY pool_id`,
    [region, listed],
  );
  return found.rows.map(({ poolId }) => poolId);
}

/** The error of a pool that COGNITO_POOLS=all listed and that is gone; null where it never did. */
export async function vanishedError(
  db: Queryable,
  poolId: string,
  region: string,
  cause: Error,
): Promise<ConfigurationError | null> {
  const found = await db.query<{ listedAt: Date }>(
    `SELECT listed_at AS "listedAt" FROM mirror.pools
     WHERE pool_id = $1 AND listed_at IS NOT NULL`,
    [poolId],
  );
  const [row] = found.rows;
  if (row === undefined) return null;
  const problem =
    `the pool does not exist any more in ${region}: COGNITO_POOLS=all listed it last at ` +
    `${row.listedAt.toISOString()}, and it is not listed now.`;
  const remedy =
    'Check whether it was deleted, and whether the credentials are of the same account. Its mirror ' +
    `and archives stay. To stop mirroring it: DELETE FROM mirror.pools WHERE pool_id = '${poolId}'; ` +
    `DELETE FROM mirror.attempts WHERE pool_id = '${poolId}'.`;
  return new ConfigurationError([{ subject: poolId, problem, remedy }], { cause });
}
