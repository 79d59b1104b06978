import type { Logger } from '../../telemetry/logger.ts';
import { awaitConnection, SessionClient } from './client.ts';
import type { Settings } from './settings.ts';

export interface SessionOptions {
  /** Default: `WORK`. */
  readonly settings?: Settings;
  /** Gets a line if it has to wait for a free connection. */
  readonly log?: Logger | undefined;
  /** How long it waits for a free connection, in milliseconds. Default: a minute. */
  readonly patienceMs?: number | undefined;
  /** Stops connecting. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens one connection. The caller ends it.
 *
 * @param name its name in `pg_stat_activity`.
 */
export function openSession(
  url: string,
  name: string,
  { settings, log, patienceMs, signal }: SessionOptions = {},
): Promise<SessionClient> {
  const connect = async () => {
    signal?.throwIfAborted();
    const session = new SessionClient({
      connectionString: url,
      application_name: name,
      ...(settings && { settings }),
    });
    const stop = () => void session.end().catch(() => {});
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await session.connect();
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  };
  return awaitConnection(connect, { log, patienceMs, signal });
}
