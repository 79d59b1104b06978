import type pg from 'pg';
import { commandLine } from '../../config/command-line.ts';
import type { Pool } from '../../model/directory.ts';
import { ResumableError } from '../../model/errors.ts';
import { type Locks, openLocks } from '../../postgres/work/locks.ts';
import { endRequest, findOpenRequestForPool } from '../../postgres/work/requests.ts';
import { countLiveWorkers, endTransactionsOfLostWorkers } from '../../postgres/work/workers.ts';
import type { Logger } from '../../telemetry/logger.ts';

/** What an inline run holds while it mirrors a pool. */
export interface PoolLock {
  /** Fires where the connection that holds it is lost: no more calls then. */
  readonly lost: AbortSignal;
  unlock(): Promise<void>;
}

/**
 * Holds a pool and the quota of its account and Region for this process.
 *
 * @param shared whether the calls are paced over Redis, together with those of others.
 * @param log gets a line where a connection has to be waited for.
 * @throws ResumableError where another run has either.
 */
export async function lockPool(
  databaseUrl: string,
  { poolId, accountId, region }: Pool,
  shared: boolean,
  log: Logger,
): Promise<PoolLock> {
  const lost = new AbortController();
  const onLost = () =>
    lost.abort(
      new ResumableError(
        `The connection to Postgres that holds the quota of account ${accountId} in ${region} was lost. Run it again to resume.`,
      ),
    );
  const locks = await openLocks(databaseUrl, onLost, log);
  try {
    await takeQuota(locks, accountId, region, shared);
    if (await locks.takePool(poolId)) return { lost: lost.signal, unlock: () => locks.release() };
    throw new ResumableError(
      `Another run is mirroring ${poolId}. Wait for it to end, then run this again.`,
    );
  } catch (error) {
    await locks.release();
    throw error;
  }
}

async function takeQuota(
  locks: Locks,
  accountId: string,
  region: string,
  shared: boolean,
): Promise<void> {
  if (await locks.takeQuota(accountId, region, shared ? 'shared' : 'exclusive')) return;
  throw new ResumableError(
    `Another run is using the quota of account ${accountId} in ${region}` +
      (shared
        ? ', without sharing it over Redis. Wait for it to end, or give it the same REDIS_URL; then run this again.'
        : '. Wait for it to end, then run this again; those that have the same REDIS_URL share the quota.'),
  );
}

/**
 * Sees to it that no worker is taking a snapshot of a pool that an inline run has locked. What
 * workers that are gone left open is ended: this run goes on with it.
 *
 * @throws ResumableError where workers are at it.
 */
export async function assertNoOpenRequest(db: pg.Pool, poolId: string): Promise<void> {
  const request = await findOpenRequestForPool(db, poolId);
  if (request === null) return;
  if ((await countLiveWorkers(db)) > 0) {
    throw new ResumableError(
      `The workers are taking a snapshot of ${poolId}: \`${commandLine(['status', poolId])}\` shows how far it is. Run this again once it has ended.`,
    );
  }
  await endTransactionsOfLostWorkers(db);
  await endRequest(db, request.id, 'skipped', 'No worker was alive: `sync` took it up.');
}
