import pg from 'pg';

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
 * A pool of connections to the mirror's database.
 *
 * @param size most connections at a time.
 */
export function openPool(url: string, size: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: size,
    application_name: 'cognito-mirror',
    types,
    // A frozen process must not keep what it locked: Postgres ends its transaction.
    options: '-c idle_in_transaction_session_timeout=60s -c TimeZone=UTC -c jit=off',
  });
  // An idle connection that breaks is replaced by the pool; whoever needs one next sees the error.
  pool.on('error', () => {});
  return pool;
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
  const cancel = () => cancelBackend(pool, client);
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    await client.query('BEGIN');
    const result = await work(client);
    signal?.throwIfAborted();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => {
      broken = failure;
    });
    if (signal?.aborted) throw signal.reason;
    throw error;
  } finally {
    signal?.removeEventListener('abort', cancel);
    client.release(broken);
  }
}

/** Asks Postgres, by another connection, to stop what a connection is doing. */
function cancelBackend(pool: pg.Pool, client: pg.PoolClient): void {
  const { processID } = client as unknown as { processID: number | null };
  if (processID !== null) pool.query('SELECT pg_cancel_backend($1)', [processID]).catch(() => {});
}

/** The number of rows that a statement touched. */
export function rowCount(result: pg.QueryResult): number {
  return result.rowCount ?? 0;
}
