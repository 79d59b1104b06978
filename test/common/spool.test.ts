import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Spool } from '../../src/common/spool.ts';
import fc from '../support/fast-check.ts';
import { temporaryFolder } from '../support/temp.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

test('gives back any rows, in order and by position, and leaves no name on disk', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 5_000 })), (rows) => {
      const spool = new Spool<string>(join(folder.path, 'rows'));
      const positions = rows.map((row) => spool.append(row));
      expect(readdirSync(folder.path)).toEqual([]);
      expect([...spool]).toEqual(rows);
      expect(positions.map((position) => spool.at(position))).toEqual(rows);
      expect(spool.count).toBe(rows.length);
      spool.close();
    }),
  );
});

test('can be read while rows are added', () => {
  const spool = new Spool<number>(join(folder.path, 'rows'));
  for (let row = 0; row < 100_000; row += 1) {
    const position = spool.append(row);
    if (row % 10_000 === 0) expect(spool.at(position)).toBe(row);
  }
  expect([...spool].every((row, index) => row === index)).toBe(true);
  spool.close();
});
