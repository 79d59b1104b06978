import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { redactUrl } from '../config/redact-url.ts';
import { ConfigurationError, InterruptedError } from '../model/errors.ts';
import { explainTls } from '../model/tls-trouble.ts';
import { readInfo } from './info.ts';

/** How long Redis may take to come up, before it counts as unreachable. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 200;

/** BullMQ 6 asks for it. */
const LEAST_VERSION = [6, 2] as const;

/** What is wrong with a Redis, and whether waiting can help. */
interface Trouble {
  readonly problem: string;
  readonly remedy: string;
  readonly passing: boolean;
}

/**
 * Waits until the Redis at `url` answers and can be used, for 10 seconds at most.
 *
 * @throws ConfigurationError where it cannot, at once where waiting would not help
 * @throws InterruptedError where `signal` fires
 */
export async function awaitRedis(url: string, signal?: AbortSignal): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    if (signal?.aborted) throw new InterruptedError();
    const trouble = await probe(url, deadline - performance.now(), signal);
    if (signal?.aborted) throw new InterruptedError();
    if (trouble === null) return;
    if (!trouble.passing || performance.now() + RETRY_MS >= deadline) {
      const { problem, remedy } = trouble;
      // Without the cause: ioredis puts the command there, and with it the password.
      throw new ConfigurationError([{ subject: `REDIS_URL (${redactUrl(url)})`, problem, remedy }]);
    }
    await sleep(RETRY_MS, undefined, signal ? { signal } : {}).catch(() => {});
  }
}

/** Connects once and asks Redis what it is; gives null where it can be used. */
async function probe(
  url: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Trouble | null> {
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    // The check would wait for a Redis that still loads its data; here it is to be told.
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
  });
  let failure: Error | null = null;
  client.on('error', (error: Error) => {
    failure ??= error;
  });
  const stop = () => client.disconnect();
  signal?.addEventListener('abort', stop, { once: true });
  let silent = false;
  const timer = setTimeout(() => {
    silent = true;
    stop();
  }, timeoutMs);
  try {
    await client.connect();
    const info = readInfo(await client.info());
    // A refused choice of the database is told as an event alone.
    return failure === null ? judge(info) : explain(failure);
  } catch (error) {
    if (silent) return SILENT;
    return explain(failure ?? (error instanceof Error ? error : new Error(String(error))));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    client.disconnect();
  }
}

const SILENT: Trouble = {
  problem: 'the server does not answer.',
  remedy:
    'See that it is a Redis, encrypted if the URL says rediss:, and that this machine reaches it.',
  passing: false,
};

/** Judges a Redis by what INFO says. */
function judge(info: ReadonlyMap<string, string>): Trouble | null {
  const version = info.get('redis_version') ?? 'of an unknown version';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_VERSION;
  if (!(major > leastMajor || (major === leastMajor && minor >= leastMinor))) {
    return {
      problem: `the server is Redis ${version}, which is too old.`,
      remedy: `Use Redis ${LEAST_VERSION.join('.')} or newer.`,
      passing: false,
    };
  }
  const mode = info.get('redis_mode') ?? 'standalone';
  if (mode !== 'standalone') {
    return {
      problem: `the server runs as ${mode}, and the mirror needs a single Redis.`,
      remedy: 'Name a Redis without cluster mode.',
      passing: false,
    };
  }
  if (info.get('loading') === '1') {
    return {
      problem: 'the server is still loading its data.',
      remedy: 'Try again when it is done.',
      passing: true,
    };
  }
  if (info.get('role') === 'slave') {
    return {
      problem: 'the server is a replica, which takes no writes.',
      remedy: 'Name the primary.',
      passing: false,
    };
  }
  return null;
}

/** By the first word of Redis's answer, or by Node's code of a failed connection. */
function explain(error: Error): Trouble {
  const { code, message } = firstCause(error);
  if (/DB index/.test(message)) {
    return {
      problem: 'there is no such database.',
      remedy: 'Name one that there is: redis://HOST:PORT/0.',
      passing: false,
    };
  }
  if (/RESP type/.test(message)) {
    return {
      problem: 'what answers there is no Redis.',
      remedy: 'Correct host and port.',
      passing: false,
    };
  }
  const kind = typeof code === 'string' ? code : (message.split(' ')[0] ?? '');
  switch (kind) {
    case 'ECONNREFUSED':
      return {
        problem: 'nothing listens there.',
        remedy: 'Start Redis, or correct host and port.',
        passing: true,
      };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return {
        problem: 'the host name is unknown.',
        remedy: 'Correct it, or the name service.',
        passing: true,
      };
    case 'WRONGPASS':
      return {
        problem: 'the server refuses this user or password.',
        remedy: 'Correct them: redis://USER:PASSWORD@HOST:PORT.',
        passing: false,
      };
    case 'NOAUTH':
      return {
        problem: 'the server asks for a password.',
        remedy: 'Put it into the URL: redis://:PASSWORD@HOST:PORT.',
        passing: false,
      };
    case 'NOPERM':
      return {
        problem: 'the user may not run the commands that the mirror needs.',
        remedy: 'Allow it `+@all ~* &*`, or name another user.',
        passing: false,
      };
    case 'LOADING':
    case 'MASTERDOWN':
      return {
        problem: 'the server is not ready yet.',
        remedy: 'Try again shortly.',
        passing: true,
      };
    default: {
      const tls = explainTls(code, 'NODE_EXTRA_CA_CERTS=FILE in the environment');
      if (tls !== null) return { ...tls, passing: false };
      return {
        problem: `no connection could be made (${message}).`,
        remedy:
          'See that the server is a Redis, that the URL says rediss: if it speaks TLS, and that this machine reaches it.',
        // An answer in words stands; a connection that broke may be made at the next attempt.
        passing: !('command' in error),
      };
    }
  }
}

/** A host with several addresses fails with one error that holds one for each. */
function firstCause(error: Error): { code: unknown; message: string } {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return { code: undefined, message: String(first) };
  return { code: 'code' in first ? first.code : undefined, message: first.message };
}
