import type pg from 'pg';
import { endTransactions } from '../../postgres/coordination/transaction-owner.ts';
import { readWorkerRows } from '../../postgres/coordination/worker-status.ts';
import type { Logger } from '../../telemetry/logger.ts';

/**
 * How many checks must find a lost worker unchanged. They take ten seconds, in which a live worker is
 * seen twice. After a step of Postgres's clock, or a pause of the machine, all workers seem lost for a
 * moment.
 */
const CHECKS = 3;

/**
 * Creates a function that ends the transactions of lost workers; call it every five seconds. A frozen
 * worker cannot end them itself, and its sessions would hold a snapshot's lock one after the other.
 */
export function createLostTransactionsEnder(db: pg.Pool, log: Logger): () => Promise<void> {
  /** How many checks found each worker as it was last seen, by its id and that time. */
  let unchanged = new Map<string, number>();
  return async () => {
    const workers = (await readWorkerRows(db)).map(({ id, alive, seenAt }) => {
      const seen = `${id} ${seenAt.toISOString()}`;
      return { id, alive, seen, checks: (unchanged.get(seen) ?? 0) + 1 };
    });
    unchanged = new Map(workers.map(({ seen, checks }) => [seen, checks]));
    const lost = workers.filter(({ alive, checks }) => !alive && checks >= CHECKS);
    if (lost.length === 0) return;
    const ids = lost.map(({ id }) => id);
    const transactions = await endTransactions(db, ids);
    if (transactions > 0) log.warn({ transactions }, 'ended the open transactions of lost workers');
  };
}
