import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ParquetReader } from '../../src/archive/parquet-reader.ts';
import { ResumableError } from '../../src/model/errors.ts';
import { temporaryFolder } from '../support/temp.ts';

let reader: ParquetReader;
beforeAll(async () => {
  reader = await ParquetReader.open();
});
afterAll(() => reader.close());

async function makePath(): Promise<string> {
  const { path, remove } = await temporaryFolder();
  onTestFinished(remove);
  return join(path, 'part.parquet');
}

test.each([
  ['no bytes', Buffer.of()],
  ['no footer', Buffer.from('PAR1'.repeat(3))],
  ['a footer that is longer than the file', Buffer.from('PAR1\xff\xff\xff\x00PAR1', 'latin1')],
  ['a footer that cannot be parsed', Buffer.from('PAR1\x77\x77\x04\0\0\0PAR1', 'latin1')],
])('a file with %s is not valid', async (_, bytes) => {
  const path = await makePath();
  await writeFile(path, bytes);
  expect(await reader.readFooter(path)).toBeNull();
});

test('a file that cannot be read is an error, and no statement about the file', async () => {
  const path = await makePath();
  await expect(reader.readFooter(path)).rejects.toThrow(ResumableError);
});
