import { execFileSync } from 'node:child_process';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDestination } from '../../src/archive/open-destination.ts';
import { describeFile } from '../../src/archive/read-object.ts';
import { ActionRequiredError, ResumableError } from '../../src/model/errors.ts';
import { temporaryFolder } from '../support/temp.ts';
import { NEVER } from './support.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

test('a check creates the folder, also if its name needs escaping in a URL', async () => {
  const path = `${folder.path}/with space/and %20 ünïcode`;
  const destination = await openDestination(pathToFileURL(path).href);
  await destination.check(NEVER);
  expect(await readdir(path)).toEqual([]);
});

test('a check refuses a file instead of a folder', async () => {
  await writeFile(`${folder.path}/file`, '');
  const destination = await openDestination(pathToFileURL(`${folder.path}/file`).href);
  const checked = destination.check(NEVER);
  await expect(checked).rejects.toThrow(ActionRequiredError);
  await expect(checked).rejects.toThrow(
    `ARCHIVE_URL: the folder ${folder.path}/file cannot be written (EEXIST).`,
  );
});

test('a failed write keeps the old content and leaves no partial file', async () => {
  const destination = await openDestination(pathToFileURL(`${folder.path}/archive`).href);
  await writeFile(`${folder.path}/source`, 'bytes');
  const source = await describeFile(`${folder.path}/source`);
  await mkdir(`${folder.path}/archive/a/name`, { recursive: true });
  const put = destination.put('a/name', source, NEVER);
  await expect(put).rejects.toThrow(ResumableError);
  await expect(put).rejects.toThrow('a/name was not stored (EISDIR)');
  expect(await readdir(`${folder.path}/archive/a`)).toEqual(['name']);
});

test('a named pipe is not an object: reading it does not wait for a writer', async () => {
  const destination = await openDestination(pathToFileURL(folder.path).href);
  execFileSync('mkfifo', [`${folder.path}/pipe`]);
  expect(await destination.read('pipe', NEVER)).toBeNull();
  expect(await destination.head('pipe', NEVER)).toBeNull();
});

test('a stored file is private, whatever the mode of its source', async () => {
  const destination = await openDestination(pathToFileURL(`${folder.path}/archive`).href);
  await writeFile(`${folder.path}/source`, 'bytes', { mode: 0o644 });
  await destination.put('a/file', await describeFile(`${folder.path}/source`), NEVER);
  expect((await stat(`${folder.path}/archive/a/file`)).mode & 0o777).toBe(0o600);
});
