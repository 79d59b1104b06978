import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ROOT } from './checkout.mjs';
import { capture } from './run.mjs';

/**
 * A redis-server that runs here, and what its environment needs besides.
 *
 * @typedef {{ path: string, env: Record<string, string> }} RedisProgram
 */

/** Holds Debian's packages, unpacked, where the system has no redis-server. */
export const REDIS_CACHE = join(ROOT, 'node_modules/.cache/redis-server');

/** What the mirror asks of a server (src/redis/await-redis.ts). */
const LEAST_VERSION = 6.2;

/**
 * The system's redis-server, else the one unpacked in the cache.
 *
 * @returns {Promise<RedisProgram | null>} null where there is none that runs and is new enough
 */
export async function findRedisServer() {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const programs = [
    ...folders.map((folder) => ({ path: join(folder, 'redis-server'), env: {} })),
    unpackedIn(REDIS_CACHE),
  ];
  for (const program of programs) if (await runs(program)) return program;
  return null;
}

/**
 * @param {string} folder
 * @returns {RedisProgram} the one of packages unpacked there
 */
function unpackedIn(folder) {
  // As `usr/lib/x86_64-linux-gnu`.
  const libraries = ['usr/lib', 'lib']
    .map((name) => join(folder, name))
    .filter((path) => existsSync(path))
    .flatMap((path) => readdirSync(path).map((name) => join(path, name)));
  return {
    path: join(folder, 'usr/bin/redis-server'),
    env: { LD_LIBRARY_PATH: libraries.join(delimiter) },
  };
}

/** @param {RedisProgram} program */
async function runs({ path, env }) {
  if (!existsSync(path)) return false;
  const { code, output } = await capture(path, ['--version'], { env });
  return code === 0 && Number(/ v=(\d+\.\d+)/.exec(output)?.[1]) >= LEAST_VERSION;
}
