import type pg from 'pg';
import { formatCommand } from '../common/command.ts';
import { ResumableError } from '../model/errors.ts';
import { openLocks } from '../postgres/coordination/locks.ts';
import { findOpenRequestForPool } from '../postgres/coordination/requests.ts';
import { countLiveWorkers } from '../postgres/coordination/workers.ts';
import type { Logger } from '../telemetry/logger.ts';

interface LockDeps {
  readonly db: pg.Pool;
  readonly databaseUrl: string;
  readonly log: Logger;
}

/**
 * Works on a pool while no run mirrors it.
 *
 * @param work gets a signal that also fires if the lock is lost
 * @throws ResumableError if a run mirrors the pool
 */
export async function withPoolLock<T>(
  { db, databaseUrl, log }: LockDeps,
  poolId: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lost = new AbortController();
  const onLost = () =>
    lost.abort(
      new ResumableError(
        `Lost the connection to Postgres that holds the lock of ${poolId}. Run it again.`,
      ),
    );
  const locks = await openLocks(databaseUrl, onLost, log);
  try {
    if (!(await locks.lockPool(poolId))) throw busyError(poolId);
    const isOpen = (await findOpenRequestForPool(db, poolId)) !== null;
    if (isOpen && (await countLiveWorkers(db)) > 0) throw busyError(poolId);
    return await work(AbortSignal.any([signal, lost.signal]));
  } finally {
    await locks.unlock();
  }
}

function busyError(poolId: string): ResumableError {
  return new ResumableError(
    `Another run is mirroring ${poolId}; \`${formatCommand(['status', poolId])}\` shows it. Wait until it ends, then run this again.`,
  );
}
