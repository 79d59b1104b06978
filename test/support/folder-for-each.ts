import { afterEach, beforeEach } from 'vitest';
import { temporaryFolder } from './temp.ts';

/** Makes an empty folder for each test of a file. Returns a function that gives its path. */
export function folderForEach(): () => string {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());
  return () => folder.path;
}
