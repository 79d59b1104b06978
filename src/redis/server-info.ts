import { connect } from 'node:net';
import type { RedisProblem } from './redis-errors.ts';

/** Redis sends a greeting at once, or never. */
const PATIENCE_MS = 500;
const PORT = 6379;

/**
 * What a server sends to a new connection before any command; null if nothing. A Redis at its
 * connection limit sends an error and closes, but a client that sends commands at that moment only
 * sees a broken connection. Over TLS it sends nothing.
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

/** Parses the lines `name:value` of the answer to INFO. */
export function parseInfo(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(/\r?\n/).flatMap((line) => {
      const at = line.indexOf(':');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
    }),
  );
}

/** The user of a URL, or `default`. */
export function getUsername(url: string): string {
  const { username } = new URL(url);
  return username === '' ? 'default' : decodeURIComponent(username);
}

/** BullMQ 6 needs it. */
const LEAST_VERSION = [6, 2] as const;

/**
 * Checks a server by its answer to INFO. Null if it can be used.
 *
 * Valkey has `valkey_version` and `server_mode` for Redis's `redis_version` and `redis_mode`, and may
 * have both. Each of its versions is new enough.
 */
export function checkServer(info: ReadonlyMap<string, string>): RedisProblem | null {
  const version = info.get('redis_version') ?? 'of an unknown version';
  if (!info.has('valkey_version') && !isNewEnough(version)) {
    return {
      problem: `the server is Redis ${version}, which is too old.`,
      remedy: `Use Redis ${LEAST_VERSION.join('.')} or newer, or Valkey.`,
      temporary: false,
    };
  }
  const mode = info.get('cluster_enabled') === '1' ? 'cluster' : readMode(info);
  if (mode !== 'standalone') {
    return {
      problem: `the server runs in ${mode} mode, but the mirror needs a standalone Redis.`,
      remedy: 'Use a Redis or Valkey without cluster mode, and not a sentinel.',
      temporary: false,
    };
  }
  if (info.get('loading') === '1') {
    return {
      problem: 'the server is still loading its data.',
      remedy: 'Try again when it has finished.',
      temporary: true,
    };
  }
  if (info.get('role') === 'slave') {
    return {
      problem: 'the server is a replica, which refuses writes.',
      remedy: 'Use the URL of the primary.',
      temporary: false,
    };
  }
  return null;
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_VERSION;
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

function readMode(info: ReadonlyMap<string, string>): string {
  return info.get('redis_mode') ?? info.get('server_mode') ?? 'standalone';
}
