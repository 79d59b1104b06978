import { redactUrl } from '../common/redact-url.ts';
import type { Config } from '../config/config.ts';
import { ActionRequiredError, InterruptedError } from '../model/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { explainConnection } from './connection-error.ts';
import { requireSessionMode } from './session/dedicated.ts';
import { openSession } from './session/open-session.ts';

/** The mirror's database, while this process uses it. */
export interface Database {
  readonly url: string;
  /** Its name in messages: its folder, or its URL without the password. */
  readonly place: string;
  /** Stops using it. End your own connections first. An embedded Postgres stops with its last user. */
  close(): Promise<void>;
}

/**
 * Opens the database of the configuration: that of DATABASE_URL, once it has answered, or the
 * embedded one under MIRROR_HOME.
 *
 * @throws ActionRequiredError if it cannot be reached or refuses, with the remedy
 * @throws InterruptedError if `signal` aborts
 */
export async function openDatabase(
  config: Pick<Config, 'databaseUrl' | 'home'>,
  signal?: AbortSignal,
  log?: Logger,
): Promise<Database> {
  if (config.databaseUrl !== null) {
    await probe(config.databaseUrl, signal, log);
    return { url: config.databaseUrl, place: describeLocation(config), close: async () => {} };
  }
  const { openEmbeddedPostgres } = await import('./embedded/open.ts');
  const embedded = await openEmbeddedPostgres(config.home, signal, log);
  return { ...embedded, place: describeLocation(config) };
}

/**
 * Opens the database of the configuration for commands that only read, and creates none.
 *
 * @returns null if MIRROR_HOME has none.
 * @throws ActionRequiredError as `openDatabase` does
 */
export async function findDatabase(
  config: Pick<Config, 'databaseUrl' | 'home'>,
  signal?: AbortSignal,
  log?: Logger,
): Promise<Database | null> {
  if (config.databaseUrl === null) {
    const { hasEmbeddedPostgres } = await import('./embedded/open.ts');
    if (!(await hasEmbeddedPostgres(config.home))) return null;
  }
  return openDatabase(config, signal, log);
}

/** Where the database of the configuration is, for messages. */
export function describeLocation({
  databaseUrl,
  home,
}: Pick<Config, 'databaseUrl' | 'home'>): string {
  return databaseUrl === null ? `the folder ${home}` : `the database ${redactUrl(databaseUrl)}`;
}

async function probe(
  url: string,
  signal: AbortSignal | undefined,
  log: Logger | undefined,
): Promise<void> {
  try {
    await connectOnce(url, signal, log);
  } catch (cause) {
    if (signal?.aborted) throw new InterruptedError();
    if (cause instanceof ActionRequiredError) throw cause;
    const { problem, remedy } = explainConnection(cause);
    throw new ActionRequiredError(
      [{ subject: `DATABASE_URL (${redactUrl(url)})`, problem, remedy }],
      { cause },
    );
  }
}

/** This also reads the certificate files that the URL names. */
async function connectOnce(
  url: string,
  signal: AbortSignal | undefined,
  log: Logger | undefined,
): Promise<void> {
  const session = await openSession(url, 'cognito-mirror', { log, signal });
  try {
    if (session.isPooled) await requireSessionMode(url, session);
  } finally {
    await session.end();
  }
}
