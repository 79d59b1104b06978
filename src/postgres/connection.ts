import type pg from 'pg';
import type { Logger } from '../telemetry/logger.ts';
import { cancelStatement } from './session/cancel.ts';
import { SessionPool } from './session/pool.ts';
import { beginOwned } from './work/transaction-owner.ts';

/** What runs one statement: a pool, or one connection within a transaction. */
export type Queryable = Pick<pg.Pool, 'query'>;

/** How often a cancelled transaction is asked again to stop. */
const CANCEL_EVERY_MS = 250;

/**
 * A pool of connections to the mirror's database.
 *
 * @param size most connections at a time.
 * @param log gets a line where there are fewer.
 */
export function openPool(url: string, size: number, log?: Logger): pg.Pool {
  const pool = new SessionPool(url, size, log);
  const clients = new Set<pg.PoolClient>();
  pool.on('connect', (client) => clients.add(client));
  pool.on('remove', (client) => clients.delete(client));
  CLIENTS.set(pool, clients);
  return pool;
}

/** The connections of each pool. */
const CLIENTS = new WeakMap<pg.Pool, Set<pg.PoolClient>>();
/** Cuts every connection of a pool whose server says nothing any more: what waits there fails. */
export function dropConnections(pool: pg.Pool): void {
  for (const client of CLIENTS.get(pool) ?? []) {
    (client as unknown as pg.Client).end().catch(() => {});
  }
}

/**
 * Runs `work` in one transaction: committed when it resolves, rolled back when it throws. Where
 * `signal` fires, the statement that runs is cancelled, and so the transaction rolled back.
 */
export async function transaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  signal?.throwIfAborted();
  const client = await pool.connect();
  let broken: Error | undefined;
  let cancelling: NodeJS.Timeout | undefined;
  const cancel = () => {
    const ask = () => void cancelStatement(pool.options.connectionString ?? '', client);
    ask();
    // Once may fall between two statements.
    cancelling = setInterval(ask, CANCEL_EVERY_MS);
  };
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    await client.query(beginOwned(pool));
    const result = await work(client);
    signal?.throwIfAborted();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // A late cancellation must not hit whoever has the connection next.
    broken = signal?.aborted ? new Error('cancelled') : undefined;
    await client.query('ROLLBACK').catch((failure: Error) => {
      broken = failure;
    });
    if (signal?.aborted) throw signal.reason;
    throw error;
  } finally {
    clearInterval(cancelling);
    signal?.removeEventListener('abort', cancel);
    client.release(broken);
  }
}

/** The number of rows that a statement touched. */
export function rowCount(result: pg.QueryResult): number {
  return result.rowCount ?? 0;
}
