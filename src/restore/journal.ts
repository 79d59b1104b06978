import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../common/folders.ts';
import { cutLines } from '../common/lines.ts';
import { getErrorCode } from '../common/system.ts';
import { ActionRequiredError, MirrorError, ResumableError } from '../model/errors.ts';
import { acquireFileLock } from '../postgres/embedded/file-lock.js';
import type { DoneEntry, FailedEntry, JournalEntry } from './journal-entry.ts';

const PRIVATE = 0o600;

/** Where a restore keeps its journal and its results. */
export interface RestorePlace {
  /** MIRROR_HOME. */
  readonly home: string;
  /** The id of the target pool. */
  readonly target: string;
  /** The source: the id of its pool, and the name of the snapshot. */
  readonly source: { readonly poolId: string; readonly snapshot: string };
}

/** The folder of one source and target: `restores/<target>/<source pool>-<snapshot>` in MIRROR_HOME. */
export function restoreFolder({ home, target, source }: RestorePlace): string {
  return join(home, 'restores', target, `${source.poolId}-${source.snapshot}`);
}

/**
 * What a restore did, as an append-only file of JSON Lines. A user is noted before it is created, so
 * that a later run completes one whose creation was interrupted; everything is noted when it is done or
 * has failed. What the target shows decides what is left to do, so no line is needed for that.
 *
 * Lines that come together are written and synced together. A torn last line, from a killed process or
 * a full disk, is dropped when the file is opened again.
 */
export class Journal {
  readonly folder: string;
  /** Users of the source whose creation began and is not known to be complete, when it was opened. */
  readonly unfinished: ReadonlySet<string>;
  readonly #file: FileHandle;
  readonly #release: () => Promise<void>;
  #lines: string[] = [];
  #writing: Promise<void> | null = null;
  /** After a failed write, more lines would follow half a line. */
  #broken: ResumableError | null = null;

  private constructor(
    folder: string,
    unfinished: ReadonlySet<string>,
    file: FileHandle,
    release: () => Promise<void>,
  ) {
    this.folder = folder;
    this.unfinished = unfinished;
    this.#file = file;
    this.#release = release;
  }

  /**
   * Opens the journal of a restore, and creates it if there is none. It holds the lock of the target
   * until it is closed: one process of this machine restores into a pool at a time.
   *
   * @throws ActionRequiredError if the folder cannot be written, or another process has the lock
   */
  static async open(place: RestorePlace): Promise<Journal> {
    const folder = restoreFolder(place);
    const path = join(folder, FILE);
    let release: (() => Promise<void>) | null = null;
    let file: FileHandle | null = null;
    try {
      await makeFolder(folder);
      release = await lockTarget(join(folder, '..', 'lock'), place.target);
      await dropTornLine(path);
      const unfinished = await readUnfinished(place);
      file = await open(path, 'a', PRIVATE);
      const journal = new Journal(folder, unfinished, file, release);
      await journal.record({ event: 'run', at: new Date().toISOString() });
      return journal;
    } catch (error) {
      await file?.close();
      await release?.();
      throw error instanceof MirrorError ? error : unwritable(folder, error);
    }
  }

  /**
   * Notes an entry. Resolves when it is on the disk.
   *
   * @throws ResumableError if it cannot be written
   */
  async record(entry: JournalEntry): Promise<void> {
    if (this.#broken !== null) throw this.#broken;
    this.#lines.push(`${JSON.stringify(entry)}\n`);
    // A write that runs took its lines already: these go with the next.
    const before = this.#writing;
    const mine = before === null ? this.#write() : before.then(() => this.#next());
    await mine;
  }

  /** The entries so far, in order. */
  entries(): AsyncGenerator<JournalEntry, void, undefined> {
    return readEntries(join(this.folder, FILE));
  }

  /** Waits for what is being written, closes the file and gives the lock back. */
  async close(): Promise<void> {
    await this.#writing?.catch(() => {});
    await this.#file.close();
    await this.#release();
  }

  /** All that waited for one write share the next. */
  #next(): Promise<void> {
    return this.#writing ?? this.#write();
  }

  #write(): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    if (lines.length === 0) return Promise.resolve();
    const writing = this.#append(lines.join('')).finally(() => {
      this.#writing = null;
    });
    this.#writing = writing;
    return writing;
  }

  async #append(text: string): Promise<void> {
    try {
      await this.#file.appendFile(text);
      await this.#file.datasync();
    } catch (error) {
      this.#broken = new ResumableError(
        `${join(this.folder, FILE)} cannot be written (${getErrorCode(error)}), so the restore ` +
          'stopped. Free space in MIRROR_HOME, then run the same command again: it continues, and ' +
          'writes nothing twice.',
        { cause: error },
      );
      throw this.#broken;
    }
  }
}

const FILE = 'journal.jsonl';

/**
 * The users of the source whose creation an earlier run began and did not complete. Empty if there is
 * no journal; creates nothing.
 */
export async function readUnfinished(place: RestorePlace): Promise<ReadonlySet<string>> {
  const unfinished = new Set<string>();
  for await (const entry of readEntries(join(restoreFolder(place), FILE))) {
    if (entry.event === 'begun') unfinished.add(entry.name);
    else if (entry.event !== 'run' && isFinished(entry)) unfinished.delete(entry.name);
  }
  return unfinished;
}

/** True if a user is complete, or was surely not created. */
function isFinished(entry: DoneEntry | FailedEntry): boolean {
  if (entry.entity !== 'user') return false;
  if (entry.event === 'done') return true;
  // The service may have created it before it failed.
  return entry.target === undefined && entry.reason !== 'service-failed';
}

/**
 * The `sub`s that restores of any snapshot gave to users of a pool. Empty if there was none; creates
 * nothing.
 */
export async function readRestoredSubs({
  home,
  target,
}: Pick<RestorePlace, 'home' | 'target'>): Promise<ReadonlySet<string>> {
  const subs = new Set<string>();
  const parent = join(home, 'restores', target);
  const names = await readdir(parent).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const name of names) {
    for await (const entry of readEntries(join(parent, name, FILE))) {
      const isCreated = 'target' in entry && entry.action === 'create';
      if (isCreated && entry.target != null) subs.add(entry.target.sub ?? '');
    }
  }
  return subs;
}

/** The entries of a journal; none if there is no file. A torn last line is left out. */
async function* readEntries(path: string): AsyncGenerator<JournalEntry, void, undefined> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  if (file === null) return;
  try {
    const { size } = await file.stat();
    const end = await findEnd(file, size);
    if (end === 0) return;
    let number = 0;
    const stream = file.createReadStream({ end: end - 1, autoClose: false, encoding: 'utf8' });
    for await (const lines of cutLines(stream)) {
      for (const line of lines) {
        number += 1;
        yield parseLine(line, path, number);
      }
    }
  } finally {
    await file.close();
  }
}

function parseLine(line: string, path: string, number: number): JournalEntry {
  try {
    return JSON.parse(line) as JournalEntry;
  } catch (cause) {
    throw ActionRequiredError.of(
      path,
      `line ${number} is damaged.`,
      'Move the file away and run the restore again: it compares the target with the snapshot, and ' +
        'writes only what differs. Its results then lack what was restored before.',
      { cause },
    );
  }
}

async function dropTornLine(path: string): Promise<void> {
  const file = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (file === null) return;
  try {
    const { size } = await file.stat();
    const end = await findEnd(file, size);
    if (end < size) await file.truncate(end);
  } finally {
    await file.close();
  }
}

const BLOCK = 65_536;
const LINE_FEED = 0x0a;

/** The number of bytes up to the end of the last whole line. */
async function findEnd(file: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(BLOCK);
  for (let to = size; to > 0; to -= Math.min(BLOCK, to)) {
    const from = Math.max(0, to - BLOCK);
    const { bytesRead } = await file.read(block, 0, to - from, from);
    const at = block.subarray(0, bytesRead).lastIndexOf(LINE_FEED);
    if (at >= 0) return from + at + 1;
  }
  return 0;
}

/** Takes the lock, or refuses at once: the target changes while another process restores into it. */
async function lockTarget(path: string, target: string): Promise<() => Promise<void>> {
  const refused = new AbortController();
  const onWait = () =>
    refused.abort(
      ActionRequiredError.of(
        target,
        'another process of this machine is restoring into this pool.',
        'Wait for it to end, then run the command again.',
      ),
    );
  try {
    return await acquireFileLock(path, { signal: refused.signal, onWait });
  } catch (error) {
    throw refused.signal.aborted ? refused.signal.reason : error;
  }
}

function unwritable(folder: string, cause: unknown): ActionRequiredError {
  return ActionRequiredError.of(
    folder,
    `the journal of the restore cannot be written there (${getErrorCode(cause)}).`,
    'Let this user write the folder, or set MIRROR_HOME to another one. Nothing was written to the pool.',
    { cause },
  );
}
