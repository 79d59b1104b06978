import { type SessionClient, sharedBackends } from './client.ts';
import { openSession, type SessionOptions } from './open-session.ts';

/** More often than proxies cut idle connections, and than poolers look for idle clients. */
const BEAT_MS = 2_000;

/** How long a pooler may take to free the locks of a session that ends. */
const UNLOCK_MS = 2_000;

/** A connection that holds session-level locks. */
export interface DedicatedSession {
  readonly session: SessionClient;
  /** Frees the locks, and ends it. */
  readonly release: () => Promise<void>;
}

/**
 * Opens a connection that is kept for what it locks. A small query every two seconds keeps it from
 * being cut as idle, and shows that the same process of the server still has the locks.
 *
 * @param onLost is called once where it breaks or its process changes: the locks are free then.
 */
export async function openDedicatedSession(
  url: string,
  name: string,
  onLost: () => void,
  options?: Pick<SessionOptions, 'log'>,
): Promise<DedicatedSession> {
  const session = await openSession(url, name, options);
  let ended = false;
  const lose = () => {
    if (ended) return;
    ended = true;
    clearInterval(beat);
    session.end().catch(() => {});
    onLost();
  };
  session.on('error', lose);
  let isBusy = false;
  const beat = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    requireBackend(url, session).then(() => {
      isBusy = false;
    }, lose);
  }, BEAT_MS).unref();
  const release = async () => {
    ended = true;
    clearInterval(beat);
    // Postgres frees the locks of a session that ends, but a pooler may keep it for other clients.
    if (session.isPooled) {
      const query = { text: 'SELECT pg_advisory_unlock_all()', query_timeout: UNLOCK_MS };
      await session.query(query).catch(() => {});
    }
    await session.end();
  };
  return { session, release };
}

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
