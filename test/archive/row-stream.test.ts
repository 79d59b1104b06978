import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { RowStream } from '../../src/archive/json-lines.ts';
import fc from '../support/fast-check.ts';

function createStream(bytes: Buffer, chunkBytes: number): RowStream {
  const chunks: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    chunks.push(bytes.subarray(start, start + chunkBytes));
  }
  return new RowStream(Readable.from(chunks));
}

async function takeAll(stream: RowStream, count: number): Promise<string[]> {
  const runs: string[] = [];
  while (await stream.hasMore()) {
    const parts: Buffer[] = [];
    for await (const part of stream.take(count)) parts.push(part);
    runs.push(Buffer.concat(parts).toString());
  }
  return runs;
}

test('cuts chunks of any size into runs of whole rows', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text))),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 40 }),
      async (rows, count, chunkBytes) => {
        const lines = rows.map((row) => `${row}\n`);
        const runs = await takeAll(createStream(Buffer.from(lines.join('')), chunkBytes), count);
        const expected: string[] = [];
        for (let i = 0; i < lines.length; i += count) {
          expected.push(lines.slice(i, i + count).join(''));
        }
        expect(runs).toEqual(expected);
      },
    ),
  );
});

test('refuses a stream that ends within a row', async () => {
  await expect(takeAll(createStream(Buffer.from('{"a":1}\n{"a"'), 100), 10)).rejects.toThrow(
    'ended in the middle of a row',
  );
});

test('finds the heaviest thousand rows', async () => {
  const rows = Array.from({ length: 3_500 }, (_, i) => 'x'.repeat(i < 1_000 || i > 1_999 ? 9 : 99));
  const stream = createStream(Buffer.from(rows.map((row) => `${row}\n`).join('')), 777);
  await takeAll(stream, 3_500);
  expect(stream.rows).toBe(3_500);
  expect(stream.heaviestRowBytes).toBe(100);
});
