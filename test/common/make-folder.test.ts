import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeFolder } from '../../src/common/folders.ts';
import { temporaryFolder } from '../support/temp.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

test('creates missing folders for the owner only and returns the topmost one', async () => {
  const path = join(folder.path, 'a/b/c');
  expect(await makeFolder(path)).toBe(join(folder.path, 'a'));
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(await makeFolder(path)).toBeUndefined();
});

test('can create the same folders concurrently', async () => {
  for (let round = 0; round < 20; round++) {
    const names = ['x', 'y', 'z'].flatMap((name) => [name, name]);
    await Promise.all(names.map((name) => makeFolder(join(folder.path, `${round}/a/b/${name}`))));
    expect(statSync(join(folder.path, `${round}/a/b/z`)).isDirectory()).toBe(true);
  }
});

test('fails below a file, and if folders cannot be created', async () => {
  await expect(makeFolder('/dev/null/a/b')).rejects.toThrow(/ENOTDIR/);
  await expect(makeFolder('/proc/none/a/b')).rejects.toThrow();
});
