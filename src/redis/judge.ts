import type { Trouble } from './trouble.ts';

/** BullMQ 6 needs it. */
const LEAST_VERSION = [6, 2] as const;

/**
 * Judges a server by its answer to INFO; null where it can be used.
 *
 * Valkey says `valkey_version` and `server_mode` where Redis says `redis_version` and `redis_mode`,
 * and may say both. Each of its versions is new enough.
 */
export function judge(info: ReadonlyMap<string, string>): Trouble | null {
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
