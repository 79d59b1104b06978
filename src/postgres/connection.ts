import type { Socket } from 'node:net';
import type pg from 'pg';
import type { Logger } from '../telemetry/logger.ts';
import { beginOwned } from './coordination/transaction-owner.ts';
import { cancelStatement } from './session/cancel.ts';
import { type PoolLimits, SessionPool } from './session/pool.ts';

/** Runs one statement: a pool, or one connection in a transaction. */
export type Queryable = Pick<pg.Pool, 'query'>;

/** How often a cancelled transaction is cancelled again. */
const CANCEL_EVERY_MS = 250;

/**
 * A pool of connections to the mirror's database.
 *
 * @param size the most connections at a time.
 * @param log gets a line if the server allows fewer.
 * @param limits of its statements; by default none.
 */
export function openPool(url: string, size: number, log?: Logger, limits?: PoolLimits): pg.Pool {
  const pool = new SessionPool(url, size, log, limits);
  const clients = new Set<pg.PoolClient>();
  pool.on('connect', (client) => clients.add(client));
  pool.on('remove', (client) => clients.delete(client));
  CLIENTS.set(pool, clients);
  if (limits) dropIfSilent(pool, limits.silentMs);
  return pool;
}

/**
 * Ends the connections once one that is in use has received nothing for so long. A limit of Postgres itself
 * ends no statement of a server that cannot be reached, and the idle connections are as dead. A server that
 * is only slow is heard in time, as it ends each statement at its limit.
 */
function dropIfSilent(pool: pg.Pool, silentMs: number): void {
  const timers = new Map<pg.PoolClient, NodeJS.Timeout>();
  pool.on('acquire', (client) => {
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
    let before = stream.bytesRead;
    const listen = () => {
      if (stream.bytesRead === before) dropConnections(pool);
      before = stream.bytesRead;
    };
    timers.set(client, setInterval(listen, silentMs).unref());
  });
  pool.on('release', (_, client) => {
    clearInterval(timers.get(client));
    timers.delete(client);
  });
}

/** The connections of each pool. */
const CLIENTS = new WeakMap<pg.Pool, Set<pg.PoolClient>>();

/** Ends every connection of a pool whose server is silent, so that waiting statements fail. */
export function dropConnections(pool: pg.Pool): void {
  for (const client of CLIENTS.get(pool) ?? []) {
    (client as unknown as pg.Client).end().catch(() => {});
  }
}

/**
 * Runs `work` in one transaction: commits when it resolves, and rolls back when it throws. An abort of
 * `signal` cancels the current statement, and so rolls back.
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
    const request = () => void cancelStatement(pool.options.connectionString ?? '', client);
    request();
    // One request can arrive between two statements, and is lost.
    cancelling = setInterval(request, CANCEL_EVERY_MS);
  };
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    await client.query(beginOwned(pool));
    const result = await work(client);
    signal?.throwIfAborted();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // A late cancellation must not hit the next user of the connection.
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

/** The time on Postgres's clock, which all stored times use. */
export async function readClock(db: Queryable): Promise<Date> {
  const read = await db.query<{ at: Date }>('SELECT clock_timestamp() AS at');
  return (read.rows[0] as { at: Date }).at;
}

/** The number of rows that a statement changed or returned. */
export function rowCount(result: pg.QueryResult): number {
  return result.rowCount ?? 0;
}
