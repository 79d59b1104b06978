import type { SessionClient } from './client.ts';
import { openSession, type SessionOptions } from './open-session.ts';
import { requireBackend } from './require-session-mode.ts';

/** More often than proxies cut idle connections, and than poolers look for idle clients. */
const BEAT_MS = 2_000;

/** How long a pooler may take to free the locks of a session that ends. */
const UNLOCK_MS = 2_000;

/** A connection that holds session-level locks. */
export interface HeldSession {
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
export async function holdSession(
  url: string,
  name: string,
  onLost: () => void,
  options?: Pick<SessionOptions, 'log'>,
): Promise<HeldSession> {
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
