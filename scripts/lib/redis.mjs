import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './checkout.mjs';

/**
 * A redis-server that runs here, and what its environment needs besides.
 *
 * @typedef {{ path: string, env: Record<string, string> }} RedisProgram
 */

/** Where packages are unpacked that the system does not have. */
export const REDIS_CACHE = join(ROOT, 'node_modules/.cache/redis-server');

/**
 * The system's redis-server, else the one unpacked in the cache.
 *
 * @returns {Promise<RedisProgram | null>} null where there is none that runs
 */
export async function findRedisServer() {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const program = { path: join(folder, 'redis-server'), env: {} };
    if (folder !== '' && (await runs(program))) return program;
  }
  const unpacked = unpackedRedis();
  return (await runs(unpacked)) ? unpacked : null;
}

/** @returns {RedisProgram} the one in the cache, whether or not it is there */
export function unpackedRedis() {
  return {
    path: join(REDIS_CACHE, 'usr/bin/redis-server'),
    env: { LD_LIBRARY_PATH: libraryFolders().join(delimiter) },
  };
}

/** The folders of Debian's packages for shared libraries, as `usr/lib/x86_64-linux-gnu`. */
function libraryFolders() {
  return ['usr/lib', 'lib']
    .map((name) => join(REDIS_CACHE, name))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
}

/** @param {RedisProgram} program */
async function runs({ path, env }) {
  if (!existsSync(path)) return false;
  return promisify(execFile)(path, ['--version'], { env: { ...process.env, ...env } }).then(
    () => true,
    () => false,
  );
}
