import type pg from 'pg';
import { type LostWorker, lostWorkers } from '../../postgres/state/workers.ts';
import { endTransactionsOf } from '../../postgres/transaction-owner.ts';
import type { Logger } from '../../telemetry/logger.ts';

/**
 * Makes a function that ends the transactions of lost workers. A frozen worker cannot end them
 * itself, and its sessions would hold a snapshot's lock one after the other. Call it every few
 * seconds: it acts on workers that two calls in a row find lost and unchanged. All workers look
 * lost for a moment after a step of Postgres's clock, or a pause of the whole machine.
 */
export function lostTransactionsEnder(db: pg.Pool, log: Logger): () => Promise<void> {
  let before = new Set<string>();
  const sighting = ({ id, seenAt }: LostWorker) => `${id} ${seenAt.toISOString()}`;
  return async () => {
    const lost = await lostWorkers(db);
    const again = lost.filter((worker) => before.has(sighting(worker)));
    before = new Set(lost.map(sighting));
    if (again.length === 0) return;
    const transactions = await endTransactionsOf(
      db,
      again.map(({ id }) => id),
    );
    if (transactions > 0) log.warn({ transactions }, 'ended the open transactions of lost workers');
  };
}
