import type pg from 'pg';
import { endTransactionsOf } from '../../postgres/work/transaction-owner.ts';
import { workerRows } from '../../postgres/work/worker-status.ts';
import type { Logger } from '../../telemetry/logger.ts';

/**
 * How many looks must find a lost worker unchanged: ten seconds, in which a live one is seen twice.
 * All workers look lost for a moment after a step of Postgres's clock, or a pause of the machine.
 */
const LOOKS = 3;

/**
 * Makes a function that ends the transactions of lost workers; call it every five seconds. A frozen
 * worker cannot end them itself, and its sessions would hold a snapshot's lock one after the other.
 */
export function lostTransactionsEnder(db: pg.Pool, log: Logger): () => Promise<void> {
  /** How many looks found each worker as it was last seen, by its id and that time. */
  let unchanged = new Map<string, number>();
  return async () => {
    const workers = (await workerRows(db)).map(({ id, alive, seenAt }) => {
      const seen = `${id} ${seenAt.toISOString()}`;
      return { id, alive, seen, looks: (unchanged.get(seen) ?? 0) + 1 };
    });
    unchanged = new Map(workers.map(({ seen, looks }) => [seen, looks]));
    const lost = workers.filter(({ alive, looks }) => !alive && looks >= LOOKS);
    if (lost.length === 0) return;
    const transactions = await endTransactionsOf(
      db,
      lost.map(({ id }) => id),
    );
    if (transactions > 0) log.warn({ transactions }, 'ended the open transactions of lost workers');
  };
}
