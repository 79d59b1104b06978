import { ConfigurationError } from '../../model/errors.ts';
import type { Pool } from '../../model/pool.ts';
import { type Queryable, rowCount } from '../connection.ts';

/**
 * Saves a pool as DescribeUserPool describes it.
 *
 * @throws ConfigurationError where the database has the id as a pool of another account
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
  if (rowCount(saved) > 0) return;
  const before = await findPool(db, pool.poolId);
  throw new ConfigurationError([
    {
      subject: pool.poolId,
      problem:
        `the pool in this database is in account ${before?.accountId}, and the service has it in ` +
        `account ${pool.accountId}: another pool of the same id, or another endpoint.`,
      remedy:
        'Use the endpoint and credentials of the first account, or mirror this pool into another ' +
        'MIRROR_HOME or DATABASE_URL. If it is the same pool: UPDATE directory.pools SET ' +
        `account_id = '${pool.accountId}' WHERE pool_id = '${pool.poolId}'.`,
    },
  ]);
}

/** A pool as DescribeUserPool last told of it, or null where it never did. */
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

/** The ids of the pools of a Region that were ever described. */
export async function poolsOfRegion(db: Queryable, region: string): Promise<string[]> {
  const found = await db.query<{ poolId: string }>(
    'SELECT pool_id AS "poolId" FROM directory.pools WHERE region = $1 ORDER BY pool_id',
    [region],
  );
  return found.rows.map(({ poolId }) => poolId);
}
