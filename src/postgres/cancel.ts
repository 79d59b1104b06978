import pg from 'pg';

/**
 * Asks Postgres to stop what a connection is doing: by a connection of its own, as those of a pool
 * may all be waiting for that very statement. It never throws.
 */
export async function cancelStatement(url: string, client: pg.ClientBase): Promise<void> {
  const { processID } = client as unknown as { processID: number | null };
  const other = new pg.Client({ connectionString: url, application_name: 'cognito-mirror cancel' });
  other.on('error', () => {});
  try {
    await other.connect();
    await other.query('SELECT pg_cancel_backend($1)', [processID]);
  } catch {
    // The server is gone, and the statement with it.
  } finally {
    await other.end().catch(() => {});
  }
}
