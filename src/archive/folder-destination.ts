import { randomBytes } from 'node:crypto';
import { chmod, copyFile, link, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { makeFolder } from '../common/make-folder.ts';
import { ActionRequiredError, ResumableError } from '../model/errors.ts';
import type { Destination, StoredObject } from './destination.ts';
import { describeFile, type LocalFile } from './digest.ts';

const FILE_MODE = 0o600;

/** A partial file of this age is no other mirror's: writing one takes seconds. */
const LEFTOVER_MS = 60 * 60_000;

/**
 * An archive in a folder that its owner alone can enter. A file is written under another name
 * (`.<name>.<random>.partial`) beside its own, synced, checked and renamed, or linked where it must
 * not replace another. What a killed run left under such a name is deleted by a later file that is
 * stored in its folder: at once among parts, which one mirror writes at a time, and after an hour where
 * several mirrors may write. It is also listed like any other, so that sealing deletes it with all that
 * the manifest does not name.
 */
export class FolderDestination implements Destination {
  readonly url: string;
  readonly #root: string;

  constructor(url: string, root: string) {
    this.url = url;
    this.#root = root;
  }

  async check(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const probe = join(this.#root, partialName('probe'));
    try {
      await makeFolder(this.#root);
      await readdir(this.#root);
      await (await open(probe, 'wx', FILE_MODE)).close();
      await rm(probe);
    } catch (error) {
      throw new ActionRequiredError(
        [
          {
            subject: 'ARCHIVE_URL',
            problem: `the folder ${this.#root} cannot be written (${codeOf(error)}).`,
            remedy: 'Make it a folder that this user may read and write, or name another.',
          },
        ],
        { cause: error },
      );
    }
  }

  async put(key: string, file: LocalFile, signal: AbortSignal): Promise<void> {
    await this.#store(key, file, async (partial, path) => rename(partial, path), 0, signal);
  }

  create(key: string, file: LocalFile, signal: AbortSignal): Promise<boolean> {
    return this.#store(key, file, linkExclusively, LEFTOVER_MS, signal);
  }

  /**
   * Writes a partial file beside a key's path, then lets `name` give it that name.
   *
   * @param leftoverMs partial files of this age are leftovers, and are deleted.
   */
  async #store<T>(
    key: string,
    file: LocalFile,
    name: (partial: string, path: string) => Promise<T>,
    leftoverMs: number,
    signal: AbortSignal,
  ): Promise<T> {
    const path = this.#path(key);
    const folder = dirname(path);
    const partial = join(folder, partialName(basename(path)));
    signal.throwIfAborted();
    try {
      await makeDurableFolder(folder);
      await deletePartials(folder, leftoverMs);
      await copyFile(file.path, partial);
      await chmod(partial, FILE_MODE);
      await sync(partial);
      const stored = await describeFile(partial, signal);
      if (stored.sha256 !== file.sha256) throw new ResumableError('other bytes than sent');
      const named = await name(partial, path);
      await syncFolder(folder);
      return named;
    } catch (error) {
      await rm(partial, { force: true }).catch(() => {});
      signal.throwIfAborted();
      throw failure(`${path} was not stored`, error);
    }
  }

  async *list(prefix: string, signal: AbortSignal): AsyncIterable<StoredObject> {
    signal.throwIfAborted();
    const entries = await readdir(this.#path(prefix), { withFileTypes: true }).catch(
      (error: unknown) => ignoreMissing(error, `${this.#path(prefix)} was not listed`),
    );
    for (const entry of entries ?? []) {
      const key = prefix + entry.name;
      if (entry.isDirectory()) yield* this.list(`${key}/`, signal);
      else {
        const found = await stat(this.#path(key)).catch((error: unknown) =>
          ignoreMissing(error, `${this.#path(key)} was not listed`),
        );
        if (found) yield { key, bytes: found.size };
      }
    }
  }

  async read(key: string, signal: AbortSignal): Promise<Readable | null> {
    signal.throwIfAborted();
    const handle = await open(this.#path(key)).catch((error: unknown) =>
      ignoreMissing(error, `${this.#path(key)} was not read`),
    );
    return handle === null ? null : handle.createReadStream({ signal });
  }

  async delete(keys: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    for (const key of keys) {
      signal.throwIfAborted();
      try {
        await rm(this.#path(key), { force: true });
      } catch (error) {
        throw failure(`${this.#path(key)} was not deleted`, error);
      }
    }
    return [];
  }

  #path(key: string): string {
    return join(this.#root, key);
  }
}

const PARTIAL = /^\..+\.[0-9a-f]{8}\.partial$/;

function partialName(name: string): string {
  return `.${name}.${randomBytes(4).toString('hex')}.partial`;
}

/** What `link` answers where a file system has no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** How long a file stays empty before it counts as left by a killed run. */
const PLACEHOLDER_MS = 500;

/**
 * Gives a file its name, only where no file has it; returns whether it did. Without hard links, an
 * empty file takes the name first, and is then replaced. An empty file that stays counts as none:
 * a run was killed before it replaced the file.
 */
async function linkExclusively(partial: string, path: string): Promise<boolean> {
  try {
    await link(partial, path);
    await rm(partial, { force: true });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return replaceEmpty(partial, path);
    if (!NO_LINKS.has(codeOf(error))) throw error;
  }
  try {
    await (await open(path, 'wx', FILE_MODE)).close();
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return replaceEmpty(partial, path);
    throw error;
  }
  await rename(partial, path);
  return true;
}

/** Replaces a file that stays empty, and no other; returns whether it did. */
async function replaceEmpty(partial: string, path: string): Promise<boolean> {
  if (await isEmpty(path)) {
    await delay(PLACEHOLDER_MS);
    if (await isEmpty(path)) {
      await rename(partial, path);
      return true;
    }
  }
  await rm(partial, { force: true });
  return false;
}

async function isEmpty(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: unknown) => ignoreMissing(error, path));
  return found?.size === 0;
}

async function deletePartials(folder: string, leftoverMs: number): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!PARTIAL.test(name)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch((error: unknown) => ignoreMissing(error, path));
    const isLeftover = leftoverMs === 0 || Date.now() - (found?.mtimeMs ?? 0) >= leftoverMs;
    if (isLeftover) await rm(path, { force: true });
  }
}

/** Makes a folder and those above it, and makes their names durable. */
async function makeDurableFolder(folder: string): Promise<void> {
  const first = await makeFolder(folder);
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) {
    await syncFolder(dirname(made));
  }
}

/** A folder's names survive a power cut once it is synced; Windows has no such call. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform !== 'win32') await sync(folder);
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function ignoreMissing(error: unknown, what: string): null {
  if (codeOf(error) === 'ENOENT') return null;
  throw failure(what, error);
}

function failure(what: string, error: unknown): ResumableError {
  return new ResumableError(
    `${what} (${codeOf(error)}). Check the disk and its permissions, then run it again.`,
    { cause: error },
  );
}

/** The system's code for an error (`ENOSPC`), or its message. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? String(error.code) : error.message;
}
