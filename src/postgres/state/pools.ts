import type { Pool } from '../../model/pool.ts';
import type { Queryable } from '../connection.ts';

/** Keeps what DescribeUserPool told of a pool. */
export async function savePool(db: Queryable, pool: Pool): Promise<void> {
  await db.query(
    `INSERT INTO directory.pools (pool_id, name, arn, account_id, region, estimated_users,
       mfa_configuration, custom_attributes, seen_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp())
     ON CONFLICT (pool_id) DO UPDATE SET name = excluded.name, arn = excluded.arn,
       account_id = excluded.account_id, region = excluded.region,
       estimated_users = excluded.estimated_users, mfa_configuration = excluded.mfa_configuration,
       custom_attributes = excluded.custom_attributes, seen_at = excluded.seen_at`,
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
