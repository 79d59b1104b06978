import { formatCommand } from '../../common/command.ts';
import type { Pool } from '../../model/directory.ts';
import { ActionRequiredError } from '../../model/errors.ts';
import { type Queryable, rowCount } from '../connection.ts';

/**
 * Saves a pool as DescribeUserPool describes it.
 *
 * @throws ActionRequiredError if the database has the id as a pool of another account.
 */
export async function savePool(db: Queryable, pool: Pool): Promise<void> {
  const saved = await db.query(
    `INSERT INTO directory.pools AS p (pool_id, name, arn, account_id, region, estimated_users,
       mfa_configuration, custom_attributes, seen_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp())
     ON CONFLICT (pool_id) DO UPDATE SET name = excluded.name, arn = excluded.arn,
       account_id = excluded.account_id, region = excluded.region,
       estimated_users = excluded.estimated_users, mfa_configuration = excluded.mfa_configuration,
       custom_attributes = excluded.custom_attributes, seen_at = excluded.seen_at
     WHERE p.account_id = excluded.account_id`,
    [
      pool.poolId,
      pool.name,
      pool.arn,
      pool.accountId,
      pool.region,
      pool.estimatedUsers,
      pool.mfaConfiguration,
      pool.customAttributes,
    ],
  );
  if (rowCount(saved) > 0) {
    // Who mirrors it again expects it again, and a pool that the service describes is not gone.
    await db.query(
      `UPDATE mirror.pools AS p SET retired_at = NULL,
         vanished_at = CASE WHEN p.pool_id IN (${UNLISTED_POOLS}) THEN p.vanished_at END
       WHERE p.pool_id = $1 AND (p.retired_at IS NOT NULL OR p.vanished_at IS NOT NULL)`,
      [pool.poolId],
    );
    return;
  }
  const before = await findPool(db, pool.poolId);
  throw new ActionRequiredError([
    {
      subject: pool.poolId,
      problem:
        `this database has the pool in account ${before?.accountId}, but the service has it in ` +
        `account ${pool.accountId}: it is another pool with the same id, or another endpoint.`,
      remedy:
        'Use the endpoint and credentials of the first account, or mirror this pool into another ' +
        'MIRROR_HOME or DATABASE_URL. If it is the same pool: UPDATE directory.pools SET ' +
        `account_id = '${pool.accountId}' WHERE pool_id = '${pool.poolId}'.`,
    },
  ]);
}

/** A pool as DescribeUserPool last described it, or null. */
export async function findPool(db: Queryable, poolId: string): Promise<Pool | null> {
  const found = await db.query<Pool>(
    `SELECT pool_id AS "poolId", name, arn, account_id AS "accountId", region,
       estimated_users AS "estimatedUsers", mfa_configuration AS "mfaConfiguration",
       custom_attributes AS "customAttributes"
     FROM directory.pools WHERE pool_id = $1`,
    [poolId],
  );
  return found.rows[0] ?? null;
}

/** The ids of the known pools of a Region. */
export async function listPoolsInRegion(db: Queryable, region: string): Promise<string[]> {
  const found = await db.query<{ poolId: string }>(
    'SELECT pool_id AS "poolId" FROM directory.pools WHERE region = $1 ORDER BY pool_id',
    [region],
  );
  return found.rows.map(({ poolId }) => poolId);
}

/**
 * SQL that selects the pools of a table whose rows by far outnumber them. It skips from one pool to the next
 * in an index that begins with `pool_id`, where DISTINCT would read every row.
 */
export function selectPoolsOf(table: string): string {
  return `(
    WITH RECURSIVE found AS (
      (SELECT pool_id FROM ${table} ORDER BY pool_id LIMIT 1)
      UNION ALL
      SELECT (
        SELECT pool_id FROM ${table} AS next WHERE next.pool_id > found.pool_id
        ORDER BY pool_id LIMIT 1
      )
      FROM found WHERE found.pool_id IS NOT NULL
    )
    SELECT pool_id FROM found WHERE pool_id IS NOT NULL
  )`;
}

/**
 * The ids of the pools that need a recent mirror: they were mirrored, have a schedule, or were listed by
 * COGNITO_POOLS=all, and that are not retired. An attempt alone does not count, because its id may be mistyped.
 */
export const EXPECTED_POOLS = `(SELECT pool_id FROM directory.pools
  UNION ${selectPoolsOf('directory.snapshots')}
  UNION SELECT pool_id FROM mirror.schedules
  UNION SELECT pool_id FROM mirror.pools WHERE listed_at IS NOT NULL)
  EXCEPT SELECT pool_id FROM mirror.pools WHERE retired_at IS NOT NULL`;

/**
 * SQL that selects the pools that COGNITO_POOLS=all listed, if a later listing of the same account and Region
 * lacks them. As the list of an IN it is computed once, however many pools are compared with it.
 */
export const UNLISTED_POOLS = `SELECT pool_id FROM (
    SELECT pool_id, listed_at, max(listed_at) OVER (PARTITION BY account_id, region) AS last_at
    FROM directory.pools JOIN mirror.pools USING (pool_id)
  ) AS listed WHERE listed_at < last_at`;

/** The pools that need a recent mirror, by id. */
export async function listExpectedPools(db: Queryable): Promise<string[]> {
  const found = await db.query<{ poolId: string }>(
    `SELECT pool_id AS "poolId" FROM (${EXPECTED_POOLS}) AS expected ORDER BY pool_id`,
  );
  return found.rows.map(({ poolId }) => poolId);
}

/** The same pools with their names; null before the first snapshot. */
export async function nameExpectedPools(db: Queryable): Promise<Pick<Pool, 'poolId' | 'name'>[]> {
  const found = await db.query<Pick<Pool, 'poolId' | 'name'>>(
    `SELECT pool_id AS "poolId", name FROM (${EXPECTED_POOLS}) AS expected
       LEFT JOIN directory.pools USING (pool_id) ORDER BY pool_id`,
  );
  return found.rows;
}

/** Records that COGNITO_POOLS=all listed these pools now. */
export async function recordListed(db: Queryable, poolIds: readonly string[]): Promise<void> {
  await db.query(
    `INSERT INTO mirror.pools (pool_id, listed_at) SELECT unnest($1::text[]), now()
     ON CONFLICT (pool_id) DO UPDATE SET listed_at = excluded.listed_at,
       vanished_at = NULL, retired_at = NULL`,
    [poolIds],
  );
}

/**
 * The pools of the same account and Region that an earlier listing had and this one lacks. The account of
 * a listing is known once one of its pools was described.
 */
export async function findVanishedPools(
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

/** The error for a pool that does not exist any more, or null if COGNITO_POOLS=all never listed it. */
export async function explainVanished(
  db: Queryable,
  poolId: string,
  region: string,
  cause: Error,
): Promise<ActionRequiredError | null> {
  const found = await db.query<{ listedAt: Date }>(
    `SELECT listed_at AS "listedAt" FROM mirror.pools
     WHERE pool_id = $1 AND listed_at IS NOT NULL`,
    [poolId],
  );
  const [row] = found.rows;
  if (row === undefined) return null;
  const problem =
    `the pool does not exist any more in ${region}: COGNITO_POOLS=all last listed it at ` +
    `${row.listedAt.toISOString()}.`;
  const remedy =
    'Check that it was deleted, and that the credentials belong to the same account. Its mirror and ' +
    `archives stay. To stop mirroring it: \`${formatCommand(['retire', poolId])}\`.`;
  return ActionRequiredError.of(poolId, problem, remedy, { cause });
}
