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
