import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { makeTemporaryFolder } from '../common/folders.ts';
import { getErrorCode } from '../common/system.ts';
import { ActionRequiredError } from '../model/errors.ts';

/**
 * Gives `work` a private folder of this machine for parts of archives, and removes it afterwards. Also
 * removes those that killed processes left.
 *
 * @param name what the folder is for, as a part of its name
 * @throws ActionRequiredError if TMPDIR cannot be written
 */
export async function withTemporaryFolder<T>(
  name: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await makeFolder(name);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeFolder(name: string): Promise<string> {
  const parent = tmpdir();
  try {
    return await makeTemporaryFolder(parent, `cognito-mirror-${name}-`);
  } catch (cause) {
    throw ActionRequiredError.of(
      'TMPDIR',
      `the folder ${parent} cannot be written (${getErrorCode(cause)}).`,
      'Set it to a folder that this user can write.',
      { cause },
    );
  }
}
