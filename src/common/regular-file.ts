import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * Opens a file for reading. Returns null if it is something else, such as a folder, a device, or a
 * pipe, which would wait for a writer and even keep the process from ending.
 *
 * @throws the system's error if it cannot be opened
 */
export async function openRegularFile(path: string): Promise<FileHandle | null> {
  const file = await open(path, FLAGS);
  const found = await file.stat().catch(() => null);
  if (found?.isFile()) return file;
  await file.close();
  return null;
}
