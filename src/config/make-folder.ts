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
    await mkdir(path, { mode });
    return path;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return undefined;
    if (code !== 'ENOENT' || (await exists(dirname(path)))) throw error;
    const above = await makeFolder(dirname(path), mode);
    const own = await makeFolder(path, mode);
    return above ?? own;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
