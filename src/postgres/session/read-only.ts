import type pg from 'pg';
import { cancelStatement } from './cancel.ts';
import type { SessionClient } from './client.ts';
import { openSession } from './open-session.ts';
import { READ_ONLY, type Settings, WORK } from './settings.ts';

/** How a read-only transaction runs. */
interface Reading {
  /** The name of its session in `pg_stat_activity`. */
  readonly name: string;
  readonly settings: Settings;
  /** The statement that begins it. */
  readonly begin: string;
}

/** For a person's own statement. */
export const STATEMENT: Reading = {
  name: 'cognito-mirror query',
  settings: READ_ONLY,
  begin: 'BEGIN READ ONLY',
};

/**
 * For a question of several statements, which see one state. Its rows may wait for a person who reads
 * them page by page, so the transaction may be idle for an hour.
 */
export const QUESTION: Reading = {
  name: 'cognito-mirror history',
  // A reader may be restricted to some pools (`directory.restrict_reader`): its answers are about those.
  settings: { ...WORK, row_security: 'on', idle_in_transaction_session_timeout: '1h' },
  begin: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
};

/**
 * Runs `work` in a read-only transaction on a connection of its own. An abort of `signal` cancels the
 * current statement.
 */
export async function readOnly<T>(
  url: string,
  { name, settings, begin }: Reading,
  work: (client: SessionClient) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const client = await openSession(url, name, { settings, signal });
  const cancel = () => void cancelStatement(url, client as pg.ClientBase);
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    signal?.throwIfAborted();
    await client.query(begin);
    return await work(client);
  } finally {
    signal?.removeEventListener('abort', cancel);
    await client.end();
  }
}
