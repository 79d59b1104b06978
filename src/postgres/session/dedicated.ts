import { type SessionClient, sharedBackends } from './client.ts';
import { openSession, type SessionOptions } from './open-session.ts';

/** Shorter than the idle timeouts of proxies and poolers. */
const BEAT_MS = 2_000;

/** How long a pooler may take to free the locks of an ending session. */
const UNLOCK_MS = 2_000;

/** A connection that holds session-level locks. */
interface DedicatedSession {
  readonly session: SessionClient;
  /** Frees the locks and ends the session. */
  readonly release: () => Promise<void>;
}

/**
 * Opens a connection that holds locks. A small query every two seconds prevents idle timeouts, and checks
 * that the same server process still has the locks.
 *
 * @param onLost is called once if it breaks or its server process changes: the locks are free then.
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

/** Each round has four checks. In tests, no pooler in transaction mode passed two rounds. */
const ROUNDS = 5;

/**
 * Requires that a session behind a pooler keeps its server process. In transaction mode an idle client has
 * none: a second client then gets the process of the first, or the first gets another process. This checks
 * for both, with a transaction in each of two sessions in turn. In session mode neither happens.
 *
 * @throws ActionRequiredError if the pooler shares server processes.
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

/** @throws ActionRequiredError if the session has another server process than at its start. */
async function requireBackend(url: string, session: SessionClient): Promise<void> {
  const { rows } = await session.query<{ backend: number }>(
    'SELECT pg_catalog.pg_backend_pid() AS backend',
  );
  if (rows[0]?.backend !== session.backend) throw sharedBackends(url);
}
