import pg from 'pg';
import type { Config } from '../config/config.ts';
import { redactUrl } from '../config/redact-url.ts';
import { ConfigurationError, InterruptedError } from '../model/errors.ts';
import { explainTls } from '../model/tls-trouble.ts';

/** The mirror's database, while this process uses it. */
export interface Database {
  readonly url: string;
  /** Leaves it; end your own connections first. An embedded Postgres stops with its last user. */
  close(): Promise<void>;
}

/** How long a server may take to answer before it counts as unreachable. */
const PATIENCE_MS = 10_000;

/**
 * Opens the database of the configuration: that of DATABASE_URL, once it has answered, or the
 * embedded one under MIRROR_HOME.
 *
 * @throws ConfigurationError where it cannot be reached or refuses, with the remedy
 * @throws InterruptedError where `signal` fires
 */
export async function openDatabase(
  config: Pick<Config, 'databaseUrl' | 'home'>,
  signal?: AbortSignal,
): Promise<Database> {
  if (config.databaseUrl !== null) {
    await probe(config.databaseUrl, signal);
    return { url: config.databaseUrl, close: async () => {} };
  }
  const { openEmbeddedPostgres } = await import('./embedded/open.ts');
  return openEmbeddedPostgres(config.home, signal);
}

async function probe(url: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await connectOnce(url, signal);
  } catch (cause) {
    if (signal?.aborted) throw new InterruptedError();
    const { problem, remedy } = explain(cause);
    throw new ConfigurationError(
      [{ subject: `DATABASE_URL (${redactUrl(url)})`, problem, remedy }],
      { cause },
    );
  }
}

async function connectOnce(url: string, signal: AbortSignal | undefined): Promise<void> {
  // It reads the files of certificates that the URL names.
  const client = new pg.Client({
    connectionString: url,
    application_name: 'cognito-mirror',
    connectionTimeoutMillis: PATIENCE_MS,
    query_timeout: PATIENCE_MS,
  });
  client.on('error', () => {});
  const stop = () => void client.end().catch(() => {});
  signal?.addEventListener('abort', stop, { once: true });
  try {
    signal?.throwIfAborted();
    await client.connect();
    await client.query('SELECT 1');
  } finally {
    signal?.removeEventListener('abort', stop);
    await client.end().catch(() => {});
  }
}

interface Trouble {
  readonly problem: string;
  readonly remedy: string;
}

/** By SQLSTATE (Postgres's appendix A) or by Node's code of a failed connection. */
function explain(error: unknown): Trouble {
  const cause = firstCause(error);
  const { code, message } = cause;
  switch (code) {
    case 'ECONNREFUSED':
      return {
        problem: 'nothing listens there.',
        remedy: 'Start the server, or correct host and port.',
      };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { problem: 'the host name is unknown.', remedy: 'Correct it, or the name service.' };
    case '28P01':
    case '28000':
      if (LACKS_TLS.test(message)) {
        return {
          problem: 'the server lets this user in by TLS alone.',
          remedy:
            'Ask for it in the URL: sslmode=verify-full, and sslrootcert=FILE for an authority of your own.',
        };
      }
      return {
        problem: 'the server refuses this user or password.',
        remedy: "Correct them, or the server's pg_hba.conf.",
      };
    case '3D000':
      return {
        problem: 'there is no such database.',
        remedy: 'Create it (`createdb NAME`), or correct the name.',
      };
    case '42501':
      return {
        problem: 'the user may not connect to this database.',
        remedy: 'GRANT CONNECT to it, or name another user.',
      };
    case '53300':
      return {
        problem: 'the server has no connection left.',
        remedy: 'Close other clients, or raise max_connections.',
      };
    case '57P03':
      return { problem: 'the server is starting or stopping.', remedy: 'Try again shortly.' };
    default:
      return (
        explainTls(code, AUTHORITY) ??
        explainDriver(message) ??
        explainFile(cause) ?? {
          problem: `no connection could be made (${message}).`,
          remedy: 'See that the server runs and that this machine reaches it.',
        }
      );
  }
}

/** How an URL names the file of an authority. */
const AUTHORITY = 'sslrootcert=FILE in the URL';

/** How the server ends a refusal (the words before version 14 of Postgres besides). */
const LACKS_TLS = /, (no encryption|SSL off)$/;

/** Of the driver's own refusals, which have no code. */
function explainDriver(message: string): Trouble | null {
  return message === 'The server does not support SSL connections'
    ? {
        problem: 'the server speaks no TLS, and the URL asks for it.',
        remedy: 'Turn `ssl` on at the server; nothing is sent to it without.',
      }
    : null;
}

/** Of a file that the URL names. */
function explainFile({ code, path, syscall }: NodeJS.ErrnoException): Trouble | null {
  if (syscall !== 'open' && syscall !== 'read') return null;
  return {
    problem: `the file ${path ?? 'of a certificate'} cannot be read (${code}).`,
    remedy: 'Correct sslrootcert, sslcert or sslkey in the URL.',
  };
}

/** A host with several addresses fails with one error that holds one for each. */
function firstCause(error: unknown): NodeJS.ErrnoException {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first : new Error(String(first));
}
