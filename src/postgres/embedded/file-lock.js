import { randomBytes } from 'node:crypto';
import { link, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A lock between the processes of one machine, in a file. It survives no crash: a waiter removes a
 * holder whose process is dead, or which has not touched the file for `SILENCE_MS`.
 *
 * Plain JavaScript, because the launcher (`scripts/`) takes the same lock before anything is
 * installed or compiled.
 */

/** How often a holder touches the file, to show that it is alive. */
const HEARTBEAT_MS = 5_000;
/** How long a waiter watches an untouched file before it considers the holder dead. A live process
 * can have the id of a dead holder, especially in containers, where ids start again at 1. */
const SILENCE_MS = 30_000;
const POLL_MS = 30;

/**
 * @typedef {object} LockOptions
 * @property {AbortSignal | undefined} [signal] ends the waiting with its reason
 * @property {() => void} [onWait] called once, if there is a wait
 * @property {(error: Error) => void} [onUntouched] called once, if the holder cannot touch the file: after
 *   `SILENCE_MS` another process may take the lock
 */

/** @type {Set<string>} The locks that this process holds or waits for. */
const ownTokens = new Set();

/**
 * Waits for the lock at `path` (in an existing folder) and takes it.
 *
 * @param {string} path
 * @param {LockOptions} [options]
 * @returns {Promise<() => Promise<void>>} releases the lock
 */
export async function acquireFileLock(path, options = {}) {
  const token = `${process.pid}-${randomBytes(6).toString('hex')}`;
  const draft = `${path}.new-${token}`;
  ownTokens.add(token);
  try {
    // A link appears together with its content, so no process reads half a token.
    await writeFile(draft, token, { mode: 0o600 });
    await waitForLock(path, draft, options);
  } catch (error) {
    ownTokens.delete(token);
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
  let untouched = false;
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch((error) => {
      if (!untouched) options.onUntouched?.(error);
      untouched = true;
    });
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return async () => {
    clearInterval(heartbeat);
    if ((await readHolder(path))?.token === token) await rm(path, { force: true });
    ownTokens.delete(token);
  };
}

/**
 * @param {string} path
 * @param {string} draft
 * @param {LockOptions} options
 */
async function waitForLock(path, draft, { signal, onWait }) {
  let waits = false;
  let watched = { token: '', touched: 0, since: 0 };
  for (;;) {
    signal?.throwIfAborted();
    if (await tryLink(draft, path)) return;
    const holder = await readHolder(path);
    if (holder === null) continue;
    if (holder.token !== watched.token || holder.touched !== watched.touched) {
      watched = { ...holder, since: performance.now() };
    }
    if (!isAlive(holder.token) || performance.now() - watched.since > SILENCE_MS) {
      await removeDeadHolder(path, holder.token, signal);
      continue;
    }
    if (!waits) onWait?.();
    waits = true;
    await sleep(POLL_MS * (0.5 + Math.random()), undefined, { signal });
  }
}

/**
 * Removes a dead holder's file. Only the holder of the lock named for that dead holder may do so,
 * so two waiters can never remove the file of its successor. If the remover dies too, its lock is
 * removed in the same way.
 *
 * @param {string} path
 * @param {string} token
 * @param {AbortSignal | undefined} signal
 */
async function removeDeadHolder(path, token, signal) {
  const release = await acquireFileLock(`${path}.${token}`, { signal });
  try {
    if ((await readHolder(path))?.token === token) await rm(path, { force: true });
  } finally {
    await release();
  }
}

/**
 * @param {string} from
 * @param {string} to
 * @returns {Promise<boolean>} false if `to` exists
 */
async function tryLink(from, to) {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (getErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * @param {string} path
 * @returns {Promise<{ token: string, touched: number } | null>}
 */
async function readHolder(path) {
  try {
    const [token, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    return { token, touched: mtimeMs };
  } catch (error) {
    if (getErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** @param {string} token */
function isAlive(token) {
  const pid = Number.parseInt(token, 10);
  if (pid === process.pid) return ownTokens.has(token);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return getErrorCode(error) === 'EPERM';
  }
}

/** @param {unknown} error */
function getErrorCode(error) {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
