import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { NewFiles } from '../../src/cli/new-files.ts';
import { temporaryFolder } from '../support/temp.ts';

test('files of a command that failed are removed, and those that stay are named', async () => {
  const { path: folder, remove } = await temporaryFolder();
  onTestFinished(remove);
  const shown = vi.spyOn(console, 'error').mockImplementation(() => {});
  onTestFinished(() => shown.mockRestore());
  const files = new NewFiles();
  for (const name of ['a.csv', 'b.csv']) await files.create(join(folder, name));
  // A folder that is not empty is not removed.
  const stays = join(folder, 'a.csv');
  await rm(stays);
  await mkdir(stays);
  await writeFile(join(stays, 'rows'), 'ana');
  await files.remove();
  expect(await readdir(folder)).toEqual(['a.csv']);
  expect(shown.mock.calls).toEqual([
    [expect.stringMatching(/^cognito-mirror: .*a\.csv may hold personal data .* Delete it\.$/)],
  ]);
});

test('what a killed command left is named with what to do', async () => {
  const { path: folder, remove } = await temporaryFolder();
  onTestFinished(remove);
  const path = join(folder, 'a.csv');
  const left = new NewFiles();
  await left.create(path);
  await expect(new NewFiles().create(path)).rejects.toThrow(
    /a\.csv\.part incomplete.* Delete both/,
  );
  expect((await readdir(folder)).sort()).toEqual(['a.csv', 'a.csv.part']);
  await left.remove();
  await writeFile(path, '');
  await expect(new NewFiles().create(path)).rejects.toThrow(/a\.csv exists/);
});
