import type pg from 'pg';
import { isDatabaseAway } from '../postgres/database-error.ts';
import type { SnapshotLease } from '../postgres/store/leases.ts';
import { addCallCounts } from '../postgres/store/snapshot-notes.ts';
import type { CallMeter } from '../telemetry/calls.ts';
import type { Logger } from '../telemetry/logger.ts';

const EVERY_MS = 5000;

/**
 * Adds a run's attempts against the service to its snapshot's row, every few seconds and when the
 * function that it gives is called. One addition at a time: one that waits holds a connection.
 */
export function countCalls(
  db: pg.Pool,
  lease: SnapshotLease,
  meter: CallMeter,
  log: Logger,
): () => Promise<void> {
  let adding: Promise<void> | null = null;
  const add = async () => {
    const counts = meter.take();
    if (counts.apiCalls === 0) return;
    // What is counted is for people: to lose some is no reason to end a run.
    await addCallCounts(db, lease, counts).catch((error: unknown) => {
      // That Postgres is away is told of by whoever cannot do without it.
      const level = isDatabaseAway(error) ? 'debug' : 'warn';
      log[level]({ poolId: lease.poolId, ...counts }, 'calls could not be counted');
    });
  };
  const tick = () => {
    adding ??= add().finally(() => {
      adding = null;
    });
  };
  const timer = setInterval(tick, EVERY_MS);
  return async () => {
    clearInterval(timer);
    await adding;
    await add();
  };
}
