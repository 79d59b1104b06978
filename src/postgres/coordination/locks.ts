import type { Logger } from '../../telemetry/logger.ts';
import type { Queryable } from '../connection.ts';
import { openDedicatedSession } from '../session/dedicated.ts';

/** The locks of one process. They end with `unlock`, or when their connection is lost. */
export interface Locks {
  /**
   * Locks the quota of an account and Region: `shared` for processes that limit their calls together over
   * Redis, and `exclusive` for a process that limits them alone, because two would use the quota twice.
   *
   * @returns false if another process has it.
   */
  lockQuota(accountId: string, region: string, mode: 'shared' | 'exclusive'): Promise<boolean>;
  /**
   * Locks a pool for an inline run.
   *
   * @returns false if another inline run has it.
   */
  lockPool(poolId: string): Promise<boolean>;
  unlock(): Promise<void>;
}

/**
 * Opens a connection that holds locks.
 *
 * @param onLost is called when it breaks: others can take the locks then.
 * @param log gets a line if it has to wait for a connection.
 */
export async function openLocks(url: string, onLost: () => void, log?: Logger): Promise<Locks> {
  const { session, release } = await openDedicatedSession(url, 'cognito-mirror locks', onLost, {
    log,
  });
  const take = async (lock: string, space: string, name: string) => {
    const taken = await session.query<{ taken: boolean }>(
      `SELECT ${lock}(hashtext($1), hashtext($2)) AS taken`,
      [space, name],
    );
    return taken.rows[0]?.taken ?? false;
  };
  return {
    lockQuota: (accountId, region, mode) =>
      take(
        mode === 'shared' ? 'pg_try_advisory_lock_shared' : 'pg_try_advisory_lock',
        QUOTA,
        `${accountId}/${region}`,
      ),
    lockPool: (poolId) => take('pg_try_advisory_lock', POOL, poolId),
    unlock: release,
  };
}

const QUOTA = 'cognito-mirror quota';
const POOL = 'cognito-mirror run';

/** True while an inline run has the pool. */
export async function isLockedInline(db: Queryable, poolId: string): Promise<boolean> {
  const free = await db.query<{ free: boolean }>(
    'SELECT pg_try_advisory_xact_lock_shared(hashtext($1), hashtext($2)) AS free',
    [POOL, poolId],
  );
  return free.rows[0]?.free === false;
}

/** Those of the pools that an inline run has now. It takes no lock, so it delays no run. */
export async function listPoolsLockedInline(
  db: Queryable,
  poolIds: readonly string[],
): Promise<Set<string>> {
  const taken = await db.query<{ poolId: string }>(
    `SELECT pool_id AS "poolId" FROM unnest($2::text[]) AS pool_id
     WHERE EXISTS (
       SELECT FROM pg_locks
       WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND objsubid = 2 AND classid = hashtext($1)::oid AND objid = hashtext(pool_id)::oid
     )`,
    [POOL, poolIds],
  );
  return new Set(taken.rows.map(({ poolId }) => poolId));
}
