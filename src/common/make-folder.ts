import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What the program makes is for its owner alone. */
const PRIVATE = 0o700;

/**
 * Makes a folder, and those above it that are missing. Node's own recursive `mkdir` is no way to do
 * so: below a folder such as /proc, where nothing can be made, it never ends.
 *
 * @returns the topmost folder that was made, if one was.
 */
export async function makeFolder(path: string, mode = PRIVATE): Promise<string | undefined> {
  try {
    return await makeOne(path, mode);
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error;
    const above = await makeFolder(parent, mode);
    // Once more and no oftener: the folder above is there now, made here or by another just then.
    const own = await makeOne(path, mode);
    return above ?? own;
  }
}

/** Makes one folder, and gives its path; undefined where it is there already. */
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
