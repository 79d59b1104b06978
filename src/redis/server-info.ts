import { connect } from 'node:net';
import type { RedisProblem } from './redis-errors.ts';

/** Redis sends it at once, or never. */
const PATIENCE_MS = 500;
const PORT = 6379;

/**
 * What a server says to a new connection before it is asked anything; null where it says nothing.
 * A Redis without a connection left says so and closes, and a client that sends its own first words
 * at that moment sees a broken connection alone. Over TLS nothing is said, so it is not asked.
 */
export function readGreeting(url: string): Promise<string | null> {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== 'redis:') return Promise.resolve(null);
  return new Promise((resolve) => {
    const socket = connect(Number(port || PORT), hostname.replaceAll(/[[\]]/g, ''));
    const end = (text: string | null) => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(PATIENCE_MS, () => end(null));
    socket.on('error', () => end(null));
    socket.on('close', () => end(null));
    socket.once('data', (bytes) => end(bytes.toString('latin1').trim()));
  });
}

/** The lines `name:value` of Redis's answer to INFO. */
export function readInfo(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(/\r?\n/).flatMap((line) => {
      const at = line.indexOf(':');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
    }),
  );
}

/** The user as whom a URL connects: `default` where it names none. */
export function getUsername(url: string): string {
  const { username } = new URL(url);
  return username === '' ? 'default' : decodeURIComponent(username);
}

/** BullMQ 6 needs it. */
const LEAST_VERSION = [6, 2] as const;

/**
 * Judges a server by its answer to INFO; null where it can be used.
 *
 * Valkey says `valkey_version` and `server_mode` where Redis says `redis_version` and `redis_mode`,
 * and may say both. Each of its versions is new enough.
 */
export function checkServer(info: ReadonlyMap<string, string>): RedisProblem | null {
  const version = info.get('redis_version') ?? 'of an unknown version';
  if (!info.has('valkey_version') && !isNewEnough(version)) {
    return {
      problem: `the server is Redis ${version}, which is too old.`,
      remedy: `Use Redis ${LEAST_VERSION.join('.')} or newer, or Valkey.`,
      passing: false,
    };
  }
  const mode = info.get('cluster_enabled') === '1' ? 'cluster' : modeOf(info);
  if (mode !== 'standalone') {
    return {
      problem: `the server runs as ${mode}, and the mirror needs a single Redis.`,
      remedy: 'Name a Redis or Valkey without cluster mode, and not a sentinel.',
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

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_VERSION;
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

function modeOf(info: ReadonlyMap<string, string>): string {
  return info.get('redis_mode') ?? info.get('server_mode') ?? 'standalone';
}
