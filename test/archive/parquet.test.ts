import { readFile, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { DuckDBInstance } from '@duckdb/node-api';
import { asyncBufferFromFile, parquetMetadataAsync } from 'hyparquet';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { writeCsv } from '../../src/archive/csv.ts';
import { writeJsonLines } from '../../src/archive/json-lines.ts';
import { ParquetWriter } from '../../src/archive/parquet.ts';
import type { Dataset } from '../../src/model/snapshot.ts';
import { escapeUnstorable, isStorable } from '../../src/model/storable.ts';
import fc from '../support/fast-check.ts';
import { temporaryFolder } from '../support/temp.ts';
import {
  group,
  NEVER,
  OFFLINE,
  readCsv,
  readJsonLines,
  readParquet,
  type UserRow,
  user,
} from './support.ts';

let spill: Awaited<ReturnType<typeof temporaryFolder>>;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let writer: ParquetWriter;

beforeAll(async () => {
  spill = await temporaryFolder();
  writer = await ParquetWriter.open(spill.path);
});
afterAll(async () => {
  writer.close();
  await spill.remove();
});
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

/** Writes rows in every format. Returns the paths of the files. */
async function write(dataset: Dataset, rows: Iterable<object>) {
  return writeLines(
    dataset,
    (function* () {
      for (const row of rows) yield `${JSON.stringify(row)}\n`;
    })(),
  );
}

async function writeLines(dataset: Dataset, text: Iterable<string>) {
  const lines = Readable.from(text, { objectMode: false });
  const parts = writeJsonLines(lines, {
    folder: folder.path,
    name: 'rows',
    maxRows: 1e6,
    signal: NEVER,
  });
  const { value: part } = await parts.next();
  if (!part) throw new Error('no part');
  const parquet = `${folder.path}/part.parquet`;
  await writer.write(dataset, part, parquet, NEVER);
  const csv = `${folder.path}/part.csv.gz`;
  await writeCsv(dataset, part, csv, NEVER);
  return { jsonLines: part.path, parquet, csv };
}

async function readMetadata(path: string) {
  return parquetMetadataAsync(await asyncBufferFromFile(path));
}

/** Converts a row to the form that hyparquet returns: times as Date, JSON as text. */
function toParquetForm(row: UserRow): Record<string, unknown> {
  return {
    ...row,
    created_at: row.created_at === null ? null : new Date(row.created_at),
    modified_at: row.modified_at === null ? null : new Date(row.modified_at),
    mfa_options: row.mfa_options === null ? null : JSON.stringify(row.mfa_options),
    mfa_read_at: row.mfa_read_at === null ? null : new Date(row.mfa_read_at),
  };
}

const ODD_TEXT = fc.oneof(
  fc
    .string({ unit: 'binary', maxLength: 60 })
    .map((text) => (isStorable(text) ? text : escapeUnstorable(text))),
  fc.constantFrom(
    '',
    ' ',
    'null',
    'true',
    '2026-01-01',
    '2026-11-20T02:00:00.000Z',
    '{"a":[1,2]}',
    '[]',
    '1e5',
    '\\u0000',
    'line\nbreak\r\ttab',
    '"quotes\\"',
    '👩‍👩‍👧 שלום عليكم',
    'é'.repeat(1024),
    '\\'.repeat(2048),
    '\u0001'.repeat(2048),
  ),
);
const TIME = fc
  .date({
    min: new Date('0001-01-01T00:00:00.000Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  })
  .map((date) => date.toISOString());
const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null });

const USER = fc.record<UserRow>({
  username: ODD_TEXT,
  sub: optional(fc.uuid()),
  status: optional(ODD_TEXT),
  enabled: optional(fc.boolean()),
  email: optional(ODD_TEXT),
  email_verified: optional(fc.boolean()),
  phone_number: optional(ODD_TEXT),
  phone_number_verified: optional(fc.boolean()),
  name: optional(ODD_TEXT),
  given_name: optional(ODD_TEXT),
  family_name: optional(ODD_TEXT),
  preferred_username: optional(ODD_TEXT),
  created_at: optional(TIME),
  modified_at: optional(TIME),
  attributes: fc.dictionary(
    ODD_TEXT.map((text) => `custom:${text}`),
    ODD_TEXT,
    { maxKeys: 50 },
  ),
  mfa_options: optional(
    fc.array(fc.record({ DeliveryMedium: fc.constant('SMS'), AttributeName: fc.string() })),
  ),
  escaped: fc.array(ODD_TEXT, { maxLength: 5 }),
  groups: fc.array(ODD_TEXT, { maxLength: 20 }),
  mfa_settings: optional(fc.array(ODD_TEXT, { maxLength: 3 })),
  preferred_mfa: optional(ODD_TEXT),
  mfa_read_at: optional(TIME),
});

test('users with any text are read back unchanged from every format', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(USER, { maxLength: 12 }), async (rows) => {
      const { jsonLines, parquet, csv } = await write('users', rows);
      expect(readJsonLines(jsonLines)).toEqual(rows);
      expect(readCsv(await readFile(csv), 'users')).toEqual(rows);
      expect(await readParquet(parquet)).toEqual(rows.map(toParquetForm));
    }),
    { numRuns: 60 },
  );
});

test('groups are read back from Parquet unchanged, with null and zero precedence distinct', async () => {
  const rows = [group('a', 0), group('b', 2 ** 31 - 1), group('c', null)];
  const { parquet } = await write('groups', rows);
  expect(await readParquet(parquet)).toEqual(
    rows.map((row) => ({
      ...row,
      created_at: new Date(row.created_at),
      modified_at: new Date(row.modified_at),
    })),
  );
});

test('the columns have the documented types, times as microseconds in UTC', async () => {
  const { parquet } = await write('users', [user(1, { attributes: {} })]);
  const { schema, row_groups } = await readMetadata(parquet);
  const names = schema.filter(({ type, num_children }) => type || num_children).slice(1);
  const show = ({ name, type, converted_type, logical_type }: (typeof schema)[number]) =>
    [
      name,
      type,
      converted_type,
      logical_type?.type,
      logical_type && 'isAdjustedToUTC' in logical_type && logical_type.isAdjustedToUTC,
      logical_type && 'unit' in logical_type && logical_type.unit,
    ]
      .filter((part) => part !== undefined)
      .join(' ');
  expect(names.map(show)).toEqual([
    ...['username', 'sub', 'status'].map((name) => `${name} BYTE_ARRAY UTF8`),
    'enabled BOOLEAN',
    'email BYTE_ARRAY UTF8',
    'email_verified BOOLEAN',
    'phone_number BYTE_ARRAY UTF8',
    'phone_number_verified BOOLEAN',
    ...['name', 'given_name', 'family_name', 'preferred_username'].map(
      (name) => `${name} BYTE_ARRAY UTF8`,
    ),
    'created_at INT64 TIMESTAMP_MICROS TIMESTAMP true MICROS',
    'modified_at INT64 TIMESTAMP_MICROS TIMESTAMP true MICROS',
    'attributes MAP',
    'key_value',
    'key BYTE_ARRAY UTF8',
    'value BYTE_ARRAY UTF8',
    'mfa_options BYTE_ARRAY UTF8',
    'escaped LIST',
    'list',
    'element BYTE_ARRAY UTF8',
    'groups LIST',
    'list',
    'element BYTE_ARRAY UTF8',
    'mfa_settings LIST',
    'list',
    'element BYTE_ARRAY UTF8',
    'preferred_mfa BYTE_ARRAY UTF8',
    'mfa_read_at INT64 TIMESTAMP_MICROS TIMESTAMP true MICROS',
  ]);
  const codecs = row_groups.flatMap(({ columns }) => columns.map((c) => c.meta_data?.codec));
  expect(new Set(codecs)).toEqual(new Set(['ZSTD']));
});

test('an empty Parquet file has the columns', async () => {
  for (const dataset of ['users', 'groups', 'memberships'] as const) {
    const { parquet } = await write(dataset, []);
    expect(await readParquet(parquet)).toEqual([]);
    expect((await readMetadata(parquet)).schema.length).toBeGreaterThan(3);
  }
});

test('a column name that is also data changes neither', async () => {
  const odd = 'created_at%\u0012L\u008c\u0012\u001c\u001c';
  const rows = [user(1, { username: odd, attributes: { [odd]: odd }, groups: [odd] })];
  const { parquet } = await write('users', rows);
  expect(await readParquet(parquet)).toEqual(rows.map(toParquetForm));
});

test('row groups are bounded in rows and in bytes', async () => {
  const small = await write(
    'memberships',
    Array.from({ length: 50_000 }, (_, i) => ({ group_name: 'g', username: `u${i}`, sub: null })),
  );
  const rows = (await readMetadata(small.parquet)).row_groups.map((g) => Number(g.num_rows));
  expect(Math.max(...rows)).toBeLessThan(20_000 + 2_048);

  const attributes = Object.fromEntries(
    Array.from({ length: 50 }, (_, i) => [`custom:${i}`, String(i % 10).repeat(2_048)]),
  );
  const large = await write(
    'users',
    Array.from({ length: 1_500 }, (_, i) => user(i, { attributes })),
  );
  const groups = (await readMetadata(large.parquet)).row_groups.map((g) => Number(g.num_rows));
  expect(Math.max(...groups)).toBeLessThan(400);
  expect(groups.reduce((sum, count) => sum + count, 0)).toBe(1_500);
});

test('DuckDB reads times as UTC', async () => {
  const { parquet } = await write('users', [user(1)]);
  const instance = await DuckDBInstance.create(':memory:', OFFLINE);
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(
    `SELECT typeof(created_at), epoch_ms(created_at) FROM '${parquet}'`,
  );
  expect(reader.getRows()).toEqual([
    ['TIMESTAMP WITH TIME ZONE', BigInt(Date.parse('2026-01-02T03:04:05.678Z'))],
  ]);
  connection.closeSync();
  instance.closeSync();
});

test('a row that does not fit its columns is refused without its data in the message', async () => {
  const written = write('users', [user(1, { created_at: 'a secret' })]);
  await expect(written).rejects.toThrow(/Parquet part was not written: \w+ Input Error\./);
  await expect(written).rejects.not.toThrow('secret');
});

test('a row that DuckDB skips is an error', async () => {
  const row = `${JSON.stringify({ group_name: 'g', username: 'u', sub: null })}\n`;
  await expect(writeLines('memberships', [row, '\n', row])).rejects.toThrow(
    'it has 2 rows instead of 3',
  );
});

test('a gzip header contains neither a time nor an operating system', async () => {
  const { jsonLines } = await write('users', [user(1)]);
  const header = (await readFile(jsonLines)).subarray(0, 10);
  expect([...header]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
});

test('files are private', async () => {
  const { jsonLines, parquet } = await write('users', [user(1)]);
  for (const path of [jsonLines, parquet]) {
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  }
});
