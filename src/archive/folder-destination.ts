import { randomBytes } from 'node:crypto';
import { chmod, copyFile, link, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { makeFolder } from '../common/folders.ts';
import { openRegularFile } from '../common/regular-file.ts';
import { getErrorCode } from '../common/system.ts';
import { ActionRequiredError, ResumableError } from '../model/errors.ts';
import type { LockMode } from '../model/object-lock.ts';
import type {
  Destination,
  DestinationFacts,
  LocalFile,
  LockState,
  ObjectHead,
  ProtectedObject,
  StoredObject,
  StoredVersion,
} from './destination.ts';
import { archiveUrlError } from './errors.ts';
import { describeFile } from './read-object.ts';

const FILE_MODE = 0o600;

/** A partial file of this age is a leftover, because writing one takes seconds. */
const LEFTOVER_MS = 60 * 60_000;

/**
 * An archive in a private folder. A file is first written as `.<name>.<random>.partial` in its
 * folder, synced and verified, then renamed, or linked if it must not replace another file.
 *
 * A killed run leaves partial files. The next file stored in their folder deletes them: among parts
 * at once, as one mirror writes there at a time; elsewhere after an hour. Partial files are also
 * listed, so sealing deletes them with everything else that the manifest does not name.
 */
export class FolderDestination implements Destination {
  readonly url: string;
  readonly #root: string;

  constructor(url: string, root: string) {
    this.url = url;
    this.#root = root;
  }

  async check(signal: AbortSignal, lockMode: LockMode | null = null): Promise<void> {
    signal.throwIfAborted();
    if (lockMode !== null) throw this.#noLocksError();
    const probe = join(this.#root, makePartialName('probe'));
    try {
      await makeFolder(this.#root);
      await readdir(this.#root);
      await (await open(probe, 'wx', FILE_MODE)).close();
      await rm(probe);
    } catch (error) {
      throw archiveUrlError(
        `the folder ${this.#root} cannot be written (${getErrorCode(error)}).`,
        'Let this user read and write the folder, or set another one.',
        { cause: error },
      );
    }
  }

  async inspect(): Promise<DestinationFacts> {
    return { keepsVersions: false, encryption: null, lifecycle: null };
  }

  async put(key: string, file: LocalFile, signal: AbortSignal): Promise<null> {
    await this.#store(key, file, async (partial, path) => rename(partial, path), 0, signal);
    return null;
  }

  create(key: string, file: LocalFile, signal: AbortSignal): Promise<boolean> {
    return this.#store(key, file, linkExclusively, LEFTOVER_MS, signal);
  }

  /**
   * Writes a partial file, then calls `assignName` to give it its final name.
   *
   * @param leftoverMs the age at which partial files in the same folder are deleted.
   */
  async #store<T>(
    key: string,
    file: LocalFile,
    assignName: (partial: string, path: string) => Promise<T>,
    leftoverMs: number,
    signal: AbortSignal,
  ): Promise<T> {
    const path = this.#path(key);
    const folder = dirname(path);
    const partial = join(folder, makePartialName(basename(path)));
    signal.throwIfAborted();
    try {
      await makeDurableFolder(folder);
      await deletePartials(folder, leftoverMs);
      await copyFile(file.path, partial);
      await chmod(partial, FILE_MODE);
      await sync(partial);
      const stored = await describeFile(partial, signal);
      if (stored.sha256 !== file.sha256) throw new ResumableError('the written bytes differ');
      const result = await assignName(partial, path);
      await sync(folder);
      return result;
    } catch (error) {
      await rm(partial, { force: true }).catch(() => {});
      signal.throwIfAborted();
      throw fileError(`${path} was not stored`, error);
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

  async listVersions(): Promise<readonly StoredVersion[]> {
    return [];
  }

  async head(key: string, signal: AbortSignal): Promise<ObjectHead | null> {
    signal.throwIfAborted();
    const found = await stat(this.#path(key)).catch((error: unknown) =>
      ignoreMissing(error, `${this.#path(key)} was not found`),
    );
    return found?.isFile() ? { bytes: found.size, sha256: null } : null;
  }

  async read(key: string, signal: AbortSignal): Promise<Readable | null> {
    signal.throwIfAborted();
    const handle = await openRegularFile(this.#path(key)).catch((error: unknown) =>
      ignoreMissing(error, `${this.#path(key)} was not read`),
    );
    return handle === null ? null : handle.createReadStream({ signal });
  }

  localPath(key: string): string {
    return this.#path(key);
  }

  async delete(keys: readonly string[], signal: AbortSignal): Promise<readonly ProtectedObject[]> {
    for (const key of keys) {
      signal.throwIfAborted();
      try {
        await rm(this.#path(key), { force: true });
      } catch (error) {
        throw fileError(`${this.#path(key)} was not deleted`, error);
      }
    }
    await this.#removeEmptyPartitions(keys);
    return [];
  }

  async findProtected(): Promise<readonly ProtectedObject[]> {
    return [];
  }

  async hide(key: string, signal: AbortSignal): Promise<boolean> {
    await this.delete([key], signal);
    return true;
  }

  async lock(): Promise<void> {
    throw this.#noLocksError();
  }

  async readLock(): Promise<LockState> {
    return { state: 'unsupported' };
  }

  #noLocksError(): ActionRequiredError {
    return ActionRequiredError.of(
      'ARCHIVE_LOCK_MODE',
      `the folder ${this.#root} has no Object Lock.`,
      'Set ARCHIVE_URL to a bucket with Object Lock, or unset ARCHIVE_LOCK_MODE.',
    );
  }

  /** Deletes the folders of snapshots that have no part any more. Other folders are written to again. */
  async #removeEmptyPartitions(keys: readonly string[]): Promise<void> {
    const folders = new Set(keys.map((key) => dirname(this.#path(key))));
    for (const folder of folders) {
      // A folder that is not empty stays.
      if (basename(folder).startsWith('snapshot=')) await rmdir(folder).catch(() => {});
    }
  }

  #path(key: string): string {
    return join(this.#root, key);
  }
}

const PARTIAL = /^\..+\.[0-9a-f]{8}\.partial$/;

function makePartialName(name: string): string {
  return `.${name}.${randomBytes(4).toString('hex')}.partial`;
}

/** Error codes of `link` on a file system without hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** A file that stays empty for this long was left by a killed run. */
const PLACEHOLDER_MS = 500;

/**
 * Renames a file unless its name is taken. Returns true if it did. Without hard links, an empty
 * file takes the name first and is then replaced. An empty file that stays is ignored: a run was
 * killed before it replaced the file.
 */
async function linkExclusively(partial: string, path: string): Promise<boolean> {
  try {
    await link(partial, path);
    await rm(partial, { force: true });
    return true;
  } catch (error) {
    if (getErrorCode(error) === 'EEXIST') return replaceEmpty(partial, path);
    if (!NO_LINKS.has(getErrorCode(error))) throw error;
  }
  try {
    await (await open(path, 'wx', FILE_MODE)).close();
  } catch (error) {
    if (getErrorCode(error) === 'EEXIST') return replaceEmpty(partial, path);
    throw error;
  }
  await rename(partial, path);
  return true;
}

/** Replaces a file only if it stays empty. Returns true if it did. */
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

/** Creates a folder with its parents and makes their names durable. */
async function makeDurableFolder(folder: string): Promise<void> {
  const first = await makeFolder(folder);
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) {
    await sync(dirname(made));
  }
}

/** Of a folder, this makes the names in it survive a power cut. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function ignoreMissing(error: unknown, what: string): null {
  if (getErrorCode(error) === 'ENOENT') return null;
  throw fileError(what, error);
}

function fileError(what: string, error: unknown): ResumableError {
  return new ResumableError(
    `${what} (${getErrorCode(error)}). Check the disk and its permissions, then run the command again.`,
    { cause: error },
  );
}
