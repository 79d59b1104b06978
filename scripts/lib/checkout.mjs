import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { acquireFileLock } from '../../src/postgres/embedded/file-lock.js';
import { Failure } from './failure.mjs';

/** The folder of this checkout. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** @param {string} text */
export function say(text) {
  console.error(`cognito-mirror: ${text}`);
}

/**
 * Runs `work` while no other process installs or builds in this checkout.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withCheckoutLock(work) {
  await access(ROOT, constants.W_OK).catch(() => {
    throw new Failure(
      `the checkout ${ROOT} cannot be written by this user, and something must be installed or built in it. Run this as the user who owns it, or from a copy of your own.`,
    );
  });
  const release = await acquireFileLock(join(ROOT, '.launcher.lock'), {
    onWait: () => say('another process is installing or building here; waiting for it …'),
    onUntouched: (error) =>
      say(`the lock of the checkout cannot be kept, so start nothing else here (${error.message})`),
  });
  try {
    return await work();
  } finally {
    await release();
  }
}
