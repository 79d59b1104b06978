import { lstat, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { isProcessAlive } from './system.ts';

/** Only the owner can enter the folders of this program. */
const PRIVATE = 0o700;

/**
 * Creates a folder and its missing parents. Node's own recursive `mkdir` never returns for a path
 * below /proc, where nothing can be created.
 *
 * @returns the topmost folder that was created, if any.
 */
export async function makeFolder(path: string, mode = PRIVATE): Promise<string | undefined> {
  try {
    return await makeOne(path, mode);
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error;
    const above = await makeFolder(parent, mode);
    // One retry is enough: the parent exists now, created here or by another process.
    const own = await makeOne(path, mode);
    return above ?? own;
  }
}

/** Creates one folder and returns its path; undefined if it exists. */
async function makeOne(path: string, mode: number): Promise<string | undefined> {
  try {
    await mkdir(path, { mode });
    return path;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return undefined;
    throw error;
  }
}

/** The host is part of the name, because machines or containers may share a folder. */
const WORK_FOLDER = /^(.*)-(\d+)-[^-]{6}$/;

/**
 * Creates a private folder for this process. Removes the folders, with rows of a snapshot in them,
 * that killed processes of this machine left.
 *
 * @param parent a folder of this program, which is created if needed.
 */
export async function makeWorkFolder(parent: string): Promise<string> {
  await makeFolder(parent);
  return makeProcessFolder(parent, '', async () => true);
}

/**
 * The same in a folder that other programs and users share, such as TMPDIR.
 *
 * @param prefix the start of the names of these folders.
 */
export function makeTemporaryFolder(parent: string, prefix: string): Promise<string> {
  return makeProcessFolder(parent, prefix, isOwnFolder);
}

async function makeProcessFolder(
  parent: string,
  prefix: string,
  mayRemove: (path: string) => Promise<boolean>,
): Promise<string> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix)) continue;
    const [, host, pid] = WORK_FOLDER.exec(name.slice(prefix.length)) ?? [];
    const path = join(parent, name);
    if (host === hostname() && !isProcessAlive(Number(pid)) && (await mayRemove(path))) {
      await rm(path, { recursive: true, force: true });
    }
  }
  return mkdtemp(join(parent, `${prefix}${hostname()}-${process.pid}-`));
}

/** Another user can make what looks like a folder of ours. */
async function isOwnFolder(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => null);
  if (!found?.isDirectory()) return false;
  return process.getuid === undefined || found.uid === process.getuid();
}
