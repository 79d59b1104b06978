import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { parse } from 'csv-parse';
import { ChangeTally } from '../../model/change-counts.ts';
import { writeGzip } from '../gzip-file.ts';
import { readLines } from '../json-lines.ts';
import type { PartEditor, PartFile } from './part-editor.ts';
import { PersonTally } from './persons.ts';

/** About how much text is compressed at once. */
const CHUNK_CHARACTERS = 65_536;
/** As `verify` allows: a row of `changes` has two users. */
const MAX_ROW_CHARACTERS = 4 * 1024 * 1024;

/** A row as its file has it, with the columns that tell whom it is about. */
interface TextRow {
  /** With the end of its line. */
  readonly text: string;
  /** False for a line with the names of columns. */
  readonly isRow: boolean;
  readonly columns: Readonly<Record<string, unknown>>;
}

/** Edits JSON Lines. The lines that stay keep their bytes. */
export const jsonLinesEditor = textEditor(async function* ({ path }) {
  for await (const line of readLines(path)) {
    yield { text: `${line}\n`, isRow: true, columns: JSON.parse(line) };
  }
});

/** Edits CSV. The lines that stay keep their bytes. */
export const csvEditor = textEditor(async function* ({ path }) {
  const parser = parse({
    record_delimiter: '\r\n',
    raw: true,
    max_record_size: MAX_ROW_CHARACTERS,
    cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
  });
  pipeline(createReadStream(path), createGunzip(), parser, () => {});
  let names: readonly (string | null)[] | null = null;
  for await (const each of parser) {
    const { raw, record } = each as { raw: string; record: readonly (string | null)[] };
    const isRow = names !== null;
    // The columns of its time: an earlier version of the program had fewer.
    names ??= record;
    const columns = Object.fromEntries(names.map((name, index) => [name, record[index] ?? null]));
    yield { text: `${raw.replace(/\r?\n?$/, '')}\r\n`, isRow, columns };
  }
});

function textEditor(read: (part: PartFile) => AsyncGenerator<TextRow>): PartEditor {
  return {
    async search(part, texts, signal) {
      const tally = new PersonTally();
      for await (const { isRow, columns } of read(part)) {
        signal.throwIfAborted();
        const { username, sub } = columns as { username: string | null; sub: string | null };
        if (!isRow || typeof username !== 'string') continue;
        if (texts.has(username) || (sub !== null && texts.has(sub))) tally.add({ username, sub });
      }
      return tally.found;
    },

    async erase(part, persons, to, signal) {
      const changes = new ChangeTally();
      let rows = 0;
      let removed = 0;
      const stays = ({ isRow, columns }: TextRow) => {
        if (!isRow) return true;
        if (persons.isAbout(columns)) {
          removed += 1;
          return false;
        }
        rows += 1;
        changes.add(columns['entity'], columns['kind']);
        return true;
      };
      await writeGzip(to, joinRows(read(part), stays), signal);
      return { rows, removed, changes: part.dataset === 'changes' ? changes.counts : null };
    },
  };
}

async function* joinRows(
  rows: AsyncIterable<TextRow>,
  stays: (row: TextRow) => boolean,
): AsyncGenerator<string> {
  let text = '';
  for await (const row of rows) {
    if (stays(row)) text += row.text;
    if (text.length < CHUNK_CHARACTERS) continue;
    yield text;
    text = '';
  }
  yield text;
}
