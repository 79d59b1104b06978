import { pipeline, type Readable, Transform } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Mask, Row } from '../privacy/mask.ts';
import { endedWithinRowError } from './json-lines.ts';
import type { SnapshotRows } from './write-parts.ts';

/** Rows with what a mask hides, in every format. The same rows and the same mask give the same bytes. */
export function maskRows(rows: SnapshotRows, mask: Mask): SnapshotRows {
  if (mask.record === null) return rows;
  return {
    async open(dataset) {
      const opened = await rows.open(dataset);
      return dataset === 'users' ? mapLines(opened, (row) => mask.hideRow(row)) : opened;
    },
    async openChanges(since) {
      const changes = await rows.openChanges(since);
      if (changes === null) return null;
      return { ...changes, rows: mapLines(changes.rows, (row) => mask.hideChange(row)) };
    },
  };
}

/** Changes each line of JSON Lines, or drops it for null. Destroying the result destroys the source. */
function mapLines(source: Readable, change: (row: Row) => Row | null): Readable {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const lines = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const parts = (rest + decoder.write(chunk)).split('\n');
      rest = parts.pop() ?? '';
      let text = '';
      for (const line of parts) {
        const row = change(JSON.parse(line));
        if (row !== null) text += `${JSON.stringify(row)}\n`;
      }
      done(null, Buffer.from(text));
    },
    flush: (done) => done(rest === '' ? null : endedWithinRowError()),
  });
  // The reader of the result gets the error of either stream.
  return pipeline(source, lines, () => {});
}
