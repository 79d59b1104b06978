import type pg from 'pg';
import { formatCommand } from '../../common/command.ts';
import type { Pool } from '../../model/directory.ts';
import { ResumableError } from '../../model/errors.ts';
import { type Locks, openLocks } from '../../postgres/coordination/locks.ts';
import {
  endRequest,
  findOpenRequestForPool,
  type SnapshotRequest,
} from '../../postgres/coordination/requests.ts';
import {
  countLiveWorkers,
  endTransactionsOfLostWorkers,
} from '../../postgres/coordination/workers.ts';
import type { Logger } from '../../telemetry/logger.ts';

/** Another run, or the workers, have the pool now. Their snapshot serves this caller too. */
export class PoolBusyError extends ResumableError {}

/** The locks of an inline run, on a pool and on the quota of its account and Region. */
export interface PoolLock {
  /** Fires if the connection that holds them is lost: then no more calls are allowed. */
  readonly lost: AbortSignal;
  unlock(): Promise<void>;
}

/**
 * Locks a pool, and the quota of its account and Region, for this process.
 *
 * @param shared true if the calls share a limiter over Redis with those of other processes.
 * @param log gets a line if a connection has to be waited for.
 * @throws PoolBusyError if another run has the pool.
 * @throws ResumableError if another run has the quota.
 */
export async function lockPool(
  databaseUrl: string,
  { poolId, accountId, region }: Pick<Pool, 'poolId' | 'accountId' | 'region'>,
  shared: boolean,
  log: Logger,
): Promise<PoolLock> {
  const lost = new AbortController();
  const onLost = () =>
    lost.abort(
      new ResumableError(
        `Lost the connection to Postgres that holds the quota lock of account ${accountId} in ${region}. Run it again to resume.`,
      ),
    );
  const locks = await openLocks(databaseUrl, onLost, log);
  try {
    // The pool first: another run of it mostly has the quota too, and then the pool is what is busy.
    if (!(await locks.lockPool(poolId))) {
      throw new PoolBusyError(
        `Another run is reading ${poolId}. Wait until it ends, then run this again.`,
      );
    }
    await takeQuota(locks, accountId, region, shared);
    return { lost: lost.signal, unlock: () => locks.unlock() };
  } catch (error) {
    await locks.unlock();
    throw error;
  }
}

async function takeQuota(
  locks: Locks,
  accountId: string,
  region: string,
  shared: boolean,
): Promise<void> {
  if (await locks.lockQuota(accountId, region, shared ? 'shared' : 'exclusive')) return;
  throw new ResumableError(
    `Another run is using the quota of account ${accountId} in ${region}` +
      (shared
        ? ' and does not share it over Redis. Wait until it ends, or give it the same REDIS_URL; then run this again.'
        : '. Wait until it ends, then run this again. Runs with the same REDIS_URL share the quota.'),
  );
}

/**
 * Requires that no worker is taking a snapshot of a pool that an inline run has locked.
 *
 * @returns an open request that no live worker can run; null without one.
 * @throws PoolBusyError if workers are taking one.
 */
export async function requireNoWorkers(
  db: pg.Pool,
  poolId: string,
): Promise<SnapshotRequest | null> {
  const request = await findOpenRequestForPool(db, poolId);
  if (request === null || (await countLiveWorkers(db)) === 0) return request;
  throw new PoolBusyError(
    `The workers are taking a snapshot of ${poolId}; \`${formatCommand(['status', poolId])}\` shows its progress. Run this again when it has ended.`,
  );
}

/** The same. A request of workers that are gone is ended, and this run continues its snapshot. */
export async function takeOverRequest(db: pg.Pool, poolId: string): Promise<void> {
  const request = await requireNoWorkers(db, poolId);
  if (request === null) return;
  await endTransactionsOfLostWorkers(db);
  await endRequest(
    db,
    request.id,
    'skipped',
    'No worker was alive; `sync` continued its snapshot.',
  );
}
