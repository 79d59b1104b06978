import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { manifestKey } from '../../src/archive/layout.ts';
import { group, POOL, setting, user } from '../archive/support.ts';
import { type Copy, named, SNAPSHOTS, useSealedArchive, writeParquet } from './support.ts';

/** Rows with every kind of value. */
const ROWS = {
  users: [
    user(0),
    user(1, { name: 'Zoë "Z"', mfa_options: [{ DeliveryMedium: 'SMS' }], escaped: ['name'] }),
    user(2, { sub: null, email: null, created_at: null, enabled: null, groups: [] }),
  ],
  groups: [group('admins', 0), group('other')],
  memberships: [{ group_name: 'admins', username: 'user-000000', sub: null }],
  settings: [setting('client/', null, 'It was denied.'), setting('pool', { Name: 'a', L: [1] })],
};
const archive = useSealedArchive(() => ROWS);
const LAST = SNAPSHOTS.at(-1) as string;
const MANIFEST = manifestKey(POOL, LAST);

const partOf = (format: string, dataset: string) =>
  archive().keys.find(
    (key) => key.startsWith(`${format}/${dataset}/`) && key.includes(LAST),
  ) as string;

/** Stores other bytes for an object, and seals the manifest again as if they were right. */
async function reseal(copy: Copy, key: string, bytes: Buffer): Promise<void> {
  copy.write(key, bytes);
  const manifest = copy.manifest(LAST);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const objects = manifest.objects.map((object) =>
    object.key === key ? { ...object, bytes: bytes.length, sha256 } : object,
  );
  await copy.seal(MANIFEST, { ...manifest, objects }, archive().signer);
}

const line = (change: object) => `${JSON.stringify({ ...group('admins', 0), ...change })}\n`;
const SECOND_LINE = line({ group_name: 'other' });

/** JSON Lines of groups that a manifest describes as two rows. */
const BROKEN_ROWS: readonly (readonly [string, string, string, string])[] = [
  ['a row too few', SECOND_LINE, 'rows', 'It has 1 rows, and its manifest says 2.'],
  ['a row too many', SECOND_LINE.repeat(3), 'rows', 'It has 3 rows, and its manifest says 2.'],
  ['a row without its end', `${SECOND_LINE}{}`, 'schema', 'Row 2 does not end with a line break.'],
  ['no JSON', `${SECOND_LINE}no\n`, 'schema', 'Row 2 is not a JSON object.'],
  ['a list', `[]\n${SECOND_LINE}`, 'schema', 'Row 1 is not a JSON object.'],
  [
    'another column',
    SECOND_LINE + line({ more: 1 }),
    'schema',
    'Row 2 has other columns than the contract.',
  ],
  ...(
    [
      ['group_name', null],
      ['precedence', '1'],
      ['precedence', 1.5],
      ['created_at', '2026-01-02'],
      ['escaped', [1]],
      ['escaped', null],
    ] as const
  ).map(
    ([name, value]) =>
      [
        `${JSON.stringify(value)} as ${name}`,
        SECOND_LINE + line({ [name]: value }),
        'schema',
        `Row 2 has a wrong value of \`${name}\`.`,
      ] as const,
  ),
];

describe('JSON Lines that were sealed wrongly are found:', () => {
  test.each(BROKEN_ROWS)('%s', async (_, text, code, detail) => {
    const copy = archive().copy();
    const key = partOf('jsonl', 'groups');
    await reseal(copy, key, gzipSync(text));
    expect((await copy.verify()).findings).toEqual([{ code, key, snapshot: LAST, detail }]);
  });

  test.each([
    ['a second member', (bytes: Buffer) => Buffer.concat([bytes, gzipSync('')]), 'appended'],
    ['bytes after the member', (bytes: Buffer) => Buffer.concat([bytes, bytes]), 'appended'],
    ['a member that is cut', (bytes: Buffer) => bytes.subarray(0, -4), 'truncated'],
    ['no gzip', (bytes: Buffer) => gunzipSync(bytes), 'schema'],
  ])('%s', async (_, change, code) => {
    const copy = archive().copy();
    const key = partOf('jsonl', 'users');
    await reseal(copy, key, change(copy.read(key)));
    expect(named((await copy.verify()).findings)).toEqual([[code, key]]);
  });
});

describe('settings that were sealed wrongly are found:', () => {
  test.each([
    ['part', null],
    ['settings', '{}'],
    ['settings', []],
    ['unread', false],
  ])('%s with the value %j', async (name, value) => {
    const copy = archive().copy();
    const key = partOf('jsonl', 'settings');
    const rows = [{ ...setting('pool', {}), [name]: value }, setting('tags', {})];
    await reseal(copy, key, gzipSync(rows.map((row) => `${JSON.stringify(row)}\n`).join('')));
    const detail = `Row 1 has a wrong value of \`${name}\`.`;
    expect((await copy.verify()).findings).toEqual([
      { code: 'schema', key, snapshot: LAST, detail },
    ]);
  });

  test.each([
    [undefined, 'no'],
    [3, '3'],
  ])('a manifest that counts %s', async (settings, counted) => {
    const copy = archive().copy();
    const manifest = copy.manifest(LAST);
    const counts = { ...manifest.counts, settings };
    await copy.seal(MANIFEST, { ...manifest, counts }, archive().signer);
    const details = (await copy.verify()).findings.map(({ code, detail }) => `${code}: ${detail}`);
    expect(details).toEqual(
      ['jsonl', 'parquet'].map(
        (format) => `rows: It counts ${counted} settings, but its 1 ${format} objects have 2.`,
      ),
    );
  });
});

describe('Parquet that was sealed wrongly is found:', () => {
  const columns = 'group_name, username, sub';
  const row = `SELECT 'admins' AS group_name, 'ana' AS username, NULL::VARCHAR AS sub`;

  test.each([
    ['two rows', `${row} UNION ALL ${row}`, 'rows', 'It has 2 rows, and its manifest says 1.'],
    [
      'a column of another type',
      `SELECT ${columns.replace('sub', '1 AS sub')} FROM (${row})`,
      'schema',
      'Column 3 is sub INTEGER, not sub VARCHAR.',
    ],
    [
      'columns in another order',
      `SELECT username, group_name, sub FROM (${row})`,
      'schema',
      'Column 1 is username VARCHAR, not group_name VARCHAR.',
    ],
    [
      'a column too many',
      `SELECT *, 1 AS more FROM (${row})`,
      'schema',
      'Column 4 is more INTEGER, not missing.',
    ],
  ])('%s', async (_, sql, code, detail) => {
    const copy = archive().copy();
    const key = partOf('parquet', 'memberships');
    await reseal(copy, key, await writeParquet(sql));
    expect((await copy.verify()).findings).toEqual([{ code, key, snapshot: LAST, detail }]);
  });

  test.each([
    [
      'bytes after the footer',
      (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')]),
      'appended',
    ],
    ['no Parquet', () => Buffer.from('PAR1 and nothing else PAR1'), 'schema'],
  ])('%s', async (_, change, code) => {
    const copy = archive().copy();
    const key = partOf('parquet', 'users');
    await reseal(copy, key, change(copy.read(key)));
    expect(named((await copy.verify()).findings)).toEqual([[code, key]]);
  });

  test('and without DuckDB, bytes and hashes are still compared', async () => {
    const copy = archive().copy();
    const key = partOf('parquet', 'users');
    copy.write(key, copy.read(key).fill(0, 10, 11));
    const { findings, unreadParquet } = await copy.verify({ parquet: null });
    expect(named(findings)).toEqual([['altered', key]]);
    expect(unreadParquet).toBe(24);
  });
});

test('a manifest whose objects do not hold the rows that it counts is found', async () => {
  const copy = archive().copy();
  const manifest = copy.manifest(LAST);
  const objects = manifest.objects.filter(({ key }) => !key.startsWith('jsonl/groups'));
  await copy.seal(MANIFEST, { ...manifest, objects }, archive().signer);
  expect((await copy.verify()).findings).toEqual([
    expect.objectContaining({ code: 'extra', key: partOf('jsonl', 'groups') }),
    {
      code: 'rows',
      key: MANIFEST,
      snapshot: LAST,
      detail: 'It counts 2 groups, but its 0 jsonl objects have 0.',
    },
  ]);
});
