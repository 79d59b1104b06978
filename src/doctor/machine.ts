import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatBytes } from '../common/format.ts';
import { getErrorCode } from '../common/system.ts';
import { type CheckDefinition, failed, ok, warning } from './check.ts';

/** The nearest folder on the way to `path` that exists. */
export async function findExisting(path: string): Promise<string> {
  try {
    await access(path);
    return path;
  } catch (error) {
    const parent = dirname(path);
    if (getErrorCode(error) !== 'ENOENT' || parent === path) return path;
    return findExisting(parent);
  }
}

/** The bytes that this user may still write on the disk of a folder. */
export async function readFreeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** The files of four parts, which is what an archive that is written takes. */
const LEAST_FREE_BYTES = 1_000_000_000;

/** MIRROR_HOME, where parts are made before they are stored. */
export const homeCheck: CheckDefinition = {
  id: 'home',
  title: 'Folder of MIRROR_HOME',
  examines: 'whether `MIRROR_HOME` can be written, or made, and how much space is free there',
  isQuick: true,
  remedy: 'Set MIRROR_HOME to a folder that this user can write.',
  examine: async ({ config: { home }, isUsable }) => {
    if (!isUsable('MIRROR_HOME')) return [];
    const folder = await findExisting(home);
    const exists = folder === home;
    try {
      await access(folder, constants.W_OK | constants.X_OK);
    } catch (error) {
      const what = exists ? `${home} cannot be written` : `${home} cannot be made in ${folder}`;
      return [
        failed(
          `${what} (${getErrorCode(error)}).`,
          'Set MIRROR_HOME to a folder that this user can write.',
        ),
      ];
    }
    const free = await readFreeBytes(folder);
    const detail = `${exists ? home : `${home}, which the first run makes`}: ${formatBytes(free)} free.`;
    return free < LEAST_FREE_BYTES
      ? [warning(detail, 'Free space there, or set MIRROR_HOME to a folder with 1 GB or more.')]
      : [ok(detail)];
  },
};
