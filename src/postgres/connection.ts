import pg from 'pg';
import { cancelStatement } from './cancel.ts';

/** What runs one statement: a pool, or one connection within a transaction. */
export type Queryable = Pick<pg.Pool, 'query'>;

/** Counts fit in a double: 2^53 rows are out of reach. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8
      ? Number
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

/**
 * Whatever the server's own settings are: a step takes as long as a pool is large and sorts as much
 * of it, and a process that froze must not keep what it locked.
 */
const SETTINGS = [
  'statement_timeout=0',
  'lock_timeout=0',
  'idle_session_timeout=0',
  'idle_in_transaction_session_timeout=60s',
  'TimeZone=UTC',
  'jit=off',
  'work_mem=64MB',
  'maintenance_work_mem=128MB',
];
export const SESSION_OPTIONS = SETTINGS.map((setting) => `-c ${setting}`).join(' ');

/** A server that takes longer to let a connection in counts as away. */
export const CONNECT_MS = 10_000;

/**
 * How long a connection serves. Whatever it was asked by name stays prepared with it, at 130 kB for
 * each snapshot whose pages it committed: one that is never idle for long would grow for ever.
 */
const LIFETIME_SECONDS = 300;

/** The pool's own setting of this name bounds waits for one of its connections as well: they may be long. */
class Client extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super({ ...config, connectionTimeoutMillis: CONNECT_MS });
  }
}

/** How often a cancelled transaction is asked again to stop. */
const CANCEL_EVERY_MS = 250;

/**
 * A pool of connections to the mirror's database.
 *
 * @param size most connections at a time.
 */
export function openPool(url: string, size: number): pg.Pool {
  const pool = new pg.Pool({
    Client,
    connectionString: url,
    max: size,
    maxLifetimeSeconds: LIFETIME_SECONDS,
    application_name: 'cognito-mirror',
    // A server that is gone without a word is found out in minutes, not in hours.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types,
    options: SESSION_OPTIONS,
  });
  // A connection that breaks fails the statement that it runs, or the next one; the event comes
  // besides, and nobody need hear it. The pool listens only to connections that are not in use.
  pool.on('error', () => {});
  const clients = new Set<pg.PoolClient>();
  pool.on('connect', (client) => {
    client.on('error', () => {});
    clients.add(client);
  });
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
    await client.query('BEGIN');
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
