import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, onTestFinished, test } from 'vitest';
import { writeCsv } from '../../src/archive/csv.ts';
import { writeJsonLines } from '../../src/archive/json-lines.ts';
import type { ArchivedDataset } from '../../src/model/snapshot.ts';
import { temporaryFolder } from '../support/temp.ts';
import { group, NEVER, OFFLINE, user } from './support.ts';

/** Writes rows as CSV. Returns the path of the file. */
async function write(dataset: ArchivedDataset, rows: readonly object[]): Promise<string> {
  const folder = await temporaryFolder();
  onTestFinished(() => folder.remove());
  const text = rows.map((row) => `${JSON.stringify(row)}\n`);
  const lines = Readable.from(text, { objectMode: false });
  const options = { folder: folder.path, name: dataset, maxRows: 1e6, signal: NEVER };
  const { value: part } = await writeJsonLines(lines, options).next();
  if (!part) throw new Error('no part');
  const path = `${folder.path}/part.csv.gz`;
  await writeCsv(dataset, part, path, NEVER);
  return path;
}

test('CSV has a line of names, quotes only where needed, and keeps null apart from empty text', async () => {
  const rows = [
    { ...group('=1+1', 0), description: '', role_arn: null, escaped: ['description'] },
    { ...group('a "b", c'), description: 'two\r\nlines', role_arn: ' x ', created_at: null },
  ];
  const bytes = await readFile(await write('groups', rows));
  expect(gunzipSync(bytes).toString().split('\r\n')).toEqual([
    'group_name,description,role_arn,precedence,created_at,modified_at,escaped',
    '=1+1,"",,0,2026-01-02T03:04:05.678Z,2026-01-02T03:04:05.678Z,"[""description""]"',
    '"a ""b"", c","two',
    'lines", x ,,,2026-01-02T03:04:05.678Z,[]',
    '',
  ]);
  expect(await readFile(await write('groups', rows))).toEqual(bytes);
  expect(bytes.readUInt32LE(4)).toBe(0);
});

test('without rows, CSV is the line of names', async () => {
  const bytes = await readFile(await write('memberships', []));
  expect(gunzipSync(bytes).toString()).toBe('group_name,username,sub\r\n');
});

test('another program reads the same rows from CSV', async () => {
  const odd = user(1, { name: '', sub: null, attributes: { sub: '1', 'custom:a "b"': 'x,\ny' } });
  const path = await write('users', [user(0), odd]);
  const instance = await DuckDBInstance.create(':memory:', OFFLINE);
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(
      `SELECT username, sub, name, enabled, created_at, attributes::JSON ->> 'custom:a "b"' AS custom
       FROM read_csv('${path}', allow_quoted_nulls = false, types = {'enabled': BOOLEAN, 'created_at': TIMESTAMPTZ})`,
    );
    const rows = reader.getRowObjectsJson();
    expect(rows).toMatchObject([
      { username: 'user-000000', sub: user(0).sub, name: null, enabled: true, custom: null },
      { username: 'user-000001', sub: null, name: '', enabled: true, custom: 'x,\ny' },
    ]);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
});
