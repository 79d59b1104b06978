import { type SessionClient, sharedBackends } from './client.ts';
import { openSession } from './open-session.ts';

/** Each has four looks; a pooler that shares its connections out was never missed twice in a row. */
const ROUNDS = 5;

/**
 * Requires that a session behind a pooler has a server process of its own for as long as it lasts.
 * In transaction mode an idle client has none: a second client is then served by the process that
 * the first one had, or the first one by another than before. Both are looked for, with each of the
 * two in a transaction in turn. In session mode neither ever happens, so this refuses no such pooler.
 *
 * @throws ConfigurationError where a process was shared.
 */
export async function requireSessionMode(url: string, first: SessionClient): Promise<void> {
  const second = await openSession(url, 'cognito-mirror');
  try {
    if (first.backend === second.backend) throw sharedBackends(url);
    for (let round = 1; round <= ROUNDS; round++) {
      const [holder, other] = round % 2 === 1 ? [second, first] : [first, second];
      await holder.query('BEGIN');
      await requireBackend(url, holder);
      await requireBackend(url, other);
      await holder.query('COMMIT');
      await requireBackend(url, other);
      await requireBackend(url, holder);
    }
  } finally {
    await second.end();
  }
}

/** @throws ConfigurationError where another process answers than the session began with. */
export async function requireBackend(url: string, session: SessionClient): Promise<void> {
  const { rows } = await session.query<{ backend: number }>(
    'SELECT pg_catalog.pg_backend_pid() AS backend',
  );
  if (rows[0]?.backend !== session.backend) throw sharedBackends(url);
}
