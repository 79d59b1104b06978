import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Absent on Windows, which has no named pipes among its files. */
const { O_RDONLY, O_NONBLOCK = 0 } = constants;

/**
 * Opens a file for reading. Returns null if it is something else, such as a folder, a device, or a
 * pipe, which would wait for a writer and even keep the process from ending.
 *
 * @throws the system's error if it cannot be opened
 */
export async function openRegularFile(path: string): Promise<FileHandle | null> {
  const file = await open(path, O_RDONLY | O_NONBLOCK);
  const found = await file.stat().catch(() => null);
  if (found?.isFile()) return file;
  await file.close();
  return null;
}
