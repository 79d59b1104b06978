import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { verifyArchives } from '../../src/app/verify.ts';
import { manifestKey } from '../../src/archive/layout.ts';
import { POOL, pool, setting } from '../archive/support.ts';
import fc from '../support/fast-check.ts';
import { type Copy, named, SNAPSHOTS, sha256, useSealedArchive } from './support.ts';

const archive = useSealedArchive((index) => ({
  ...pool(3 + index),
  settings: [setting('mfa', { MfaConfiguration: 'OFF' }), setting('pool', { Name: `${index}` })],
}));
const [FIRST = '', SECOND = '', THIRD = '', FOURTH = '', LAST = ''] = SNAPSHOTS;

const manifestOf = (snapshot: string) => manifestKey(POOL, snapshot);
const partsOf = (snapshot: string, format: string) =>
  archive().keys.filter((key) => key.startsWith(format) && key.includes(`snapshot=${snapshot}/`));
const remove = (copy: Copy, key: string) => rmSync(join(copy.folder, key), { recursive: true });

/** Removes a snapshot with everything that belongs to it. */
function removeSnapshot(copy: Copy, snapshot: string): void {
  for (const key of archive().keys.filter((each) => each.includes(snapshot))) remove(copy, key);
}

describe('nothing is found', () => {
  test('in a copy in another folder', async () => {
    const { findings, ...rest } = await archive().copy().verify();
    expect(findings).toEqual([]);
    expect(rest).toMatchObject({
      snapshots: 5,
      range: { from: FIRST, to: LAST },
      objects: archive().keys.filter((key) => !key.startsWith('manifests/')).length,
      documents: 5,
      keys: [{ permission: 'allowed', principals: 'cognito-mirror', documents: 5 }],
      unreadParquet: 0,
    });
  });

  test('with the head that a witness kept, new or old', async () => {
    const copy = archive().copy();
    for (const snapshot of [LAST, SECOND]) {
      const head = sha256(copy.read(manifestOf(snapshot)));
      expect((await copy.verify({ head })).findings).toEqual([]);
      expect((await copy.verify({ head, from: new Date('2026-11-22') })).findings).toEqual([]);
    }
  });
});

/** Alters one bit in each of some files at a time, as each verification reads the whole archive. */
const alterations = (keys: readonly string[], minLength: number) =>
  fc.uniqueArray(
    fc.record({
      key: fc.constantFrom(...keys),
      at: fc.double({ min: 0, max: 0.9999, noNaN: true }),
      bit: fc.nat(7),
    }),
    { selector: ({ key }) => key.replace(/\.sig$/, ''), minLength, maxLength: 10 },
  );

test.each([
  // A manifest that was altered proves no parts.
  { files: 'manifest and signature', code: 'bad-signature', isDocument: true, atOnce: 3 },
  { files: 'part', code: 'altered', isDocument: false, atOnce: 7 },
])('any altered byte of any $files is found', async ({ code, isDocument, atOnce }) => {
  const copy = archive().copy();
  const keys = archive().keys.filter((key) => key.startsWith('manifests/') === isDocument);
  await fc.assert(
    fc.asyncProperty(alterations(keys, atOnce), async (altered) => {
      const right = new Map(altered.map(({ key }) => [key, copy.read(key)]));
      for (const { key, at, bit } of altered) {
        const bytes = Buffer.from(copy.read(key));
        const index = Math.floor(bytes.length * at);
        bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
        copy.write(key, bytes);
      }
      const { findings } = await copy.verify();
      for (const [key, bytes] of right) copy.write(key, bytes);
      const expected = altered.map(({ key }) => [code, key.replace(/\.sig$/, '')]);
      expect(named(findings)).toEqual(expect.arrayContaining(expected));
    }),
    { numRuns: 20 },
  );
  expect((await copy.verify()).findings).toEqual([]);
});

describe('an object', () => {
  const cases = ['parquet', 'jsonl'].map((format) => ({ format }));

  test.each(cases)('of $format with bytes after its end is found', async ({ format }) => {
    const copy = archive().copy();
    const [key = ''] = partsOf(SECOND, `${format}/users`);
    const member = format === 'jsonl' ? gzipSync('{}\n') : Buffer.from('PAR1');
    copy.write(key, Buffer.concat([copy.read(key), member]));
    expect(named((await copy.verify()).findings)).toEqual([['appended', key]]);
    expect(named((await copy.verify({ content: 'structure' })).findings)).toEqual([
      ['appended', key],
    ]);
  });

  test.each(cases)('of $format that is cut short is found', async ({ format }) => {
    const copy = archive().copy();
    const [key = ''] = partsOf(SECOND, `${format}/users`);
    copy.write(key, copy.read(key).subarray(0, -1));
    for (const content of ['all', 'structure'] as const) {
      expect(named((await copy.verify({ content })).findings)).toEqual([['truncated', key]]);
    }
  });

  test.each(cases)(
    'of $format in the place of another is found, and so is the other',
    async (c) => {
      const copy = archive().copy();
      const [one = '', other = ''] = partsOf(LAST, `${c.format}/users`);
      const bytes = copy.read(one);
      copy.write(one, copy.read(other));
      copy.write(other, bytes);
      const keys = (await copy.verify()).findings.map(({ key }) => key);
      expect(new Set(keys)).toEqual(new Set([one, other]));
    },
  );

  test('that is gone is found', async () => {
    const copy = archive().copy();
    const [key = ''] = partsOf(THIRD, 'jsonl/groups');
    remove(copy, key);
    for (const content of ['all', 'structure', { part: 1, of: 7 }] as const) {
      expect(named((await copy.verify({ content })).findings)).toEqual([['missing', key]]);
    }
  });

  test.each(['parquet/settings', 'jsonl/settings'])('of %s is found like others', async (part) => {
    const copy = archive().copy();
    const [key = ''] = partsOf(THIRD, part);
    const right = copy.read(key);
    const altered = Buffer.from(right);
    altered[20] = (altered[20] ?? 0) ^ 1;
    copy.write(key, altered);
    expect(named((await copy.verify()).findings)).toEqual([['altered', key]]);
    copy.write(key, right.subarray(0, -1));
    expect(named((await copy.verify()).findings)).toEqual([['truncated', key]]);
    remove(copy, key);
    expect(named((await copy.verify()).findings)).toEqual([['missing', key]]);
  });

  test('that no manifest names is found', async () => {
    const copy = archive().copy();
    const [part = ''] = partsOf(THIRD, 'jsonl/groups');
    const extra = part.replace('00000', '00001');
    const foreign = `parquet/users/pool_id=${POOL}/notes.txt`;
    const note = `manifests/pool_id=${POOL}/notes.txt`;
    for (const key of [extra, foreign, note]) copy.write(key, 'more');
    expect(named((await copy.verify()).findings)).toEqual(
      expect.arrayContaining([extra, foreign, note].map((key) => ['extra', key])),
    );
  });

  test('of a snapshot that is being archived is not a finding', async () => {
    const copy = archive().copy();
    const snapshot = '20261125T020000Z';
    const part = `jsonl/users/pool_id=${POOL}/snapshot=${snapshot}/part-00000.jsonl.gz`;
    copy.write(part, 'a part');
    expect(named((await copy.verify()).findings)).toEqual([['extra', part]]);
    copy.write(`locks/pool_id=${POOL}/${snapshot}.json`, '{}');
    expect((await copy.verify()).findings).toEqual([]);
  });
});

describe('something that is not a regular file in the place of an object', () => {
  test('is not read or waited for: the object is missing', async () => {
    const copy = archive().copy();
    const [folder = '', pipe = ''] = partsOf(THIRD, 'jsonl/');
    const signature = `${manifestOf(THIRD)}.sig`;
    for (const key of [folder, pipe, signature]) remove(copy, key);
    mkdirSync(join(copy.folder, folder));
    mkdirSync(join(copy.folder, signature));
    execFileSync('mkfifo', [join(copy.folder, pipe)]);
    expect(named((await copy.verify()).findings)).toEqual(
      [
        ['missing', folder],
        ['missing', pipe],
        ['unsigned', manifestOf(THIRD)],
      ].sort((a, b) => ((a[1] ?? '') < (b[1] ?? '') ? -1 : 1)),
    );
  });
});

describe('an object outside of every pool', () => {
  test('is found unless pools are named, in the folders that belong to the archive', async () => {
    const copy = archive().copy();
    const strays = [
      'csv/notes.txt',
      'jsonl/users/part-00000.jsonl.gz',
      `manifests/${POOL}/${LAST}.json`,
      'parquet/users/pool_id=other/part-00000.parquet',
      `parquet/others/pool_id=${POOL}/snapshot=${LAST}/part-00000.parquet`,
    ];
    const kept = [`locks/pool_id=${POOL}/${LAST}.json`, 'allowed_signers', 'another/parquet/a'];
    for (const key of [...strays, ...kept]) copy.write(key, 'more');
    const url = pathToFileURL(copy.folder).href;
    const content = 'structure';
    const { pools, outside } = await verifyArchives({ archive: url, content });
    expect(pools).toMatchObject([{ poolId: POOL, findings: [] }]);
    expect(outside).toEqual([{ url, findings: expect.any(Array) }]);
    const findings = outside[0]?.findings ?? [];
    expect(named(findings).sort()).toEqual(strays.map((key) => ['extra', key]).sort());
    expect(findings[0]).toMatchObject({
      snapshot: null,
      detail: expect.stringContaining('no pool'),
    });
    const one = await verifyArchives({ archive: url, pools: [POOL], content });
    expect(one).toMatchObject({ pools: [{ findings: [] }], outside: [] });
  });
});

describe('a pool whose manifests are all gone', () => {
  test('is found by its parts', async () => {
    const copy = archive().copy();
    for (const key of archive().keys.filter((each) => each.startsWith('manifests/'))) {
      remove(copy, key);
    }
    const url = pathToFileURL(copy.folder).href;
    const { pools, outside } = await verifyArchives({ archive: url });
    const [only, ...more] = pools;
    expect(outside).toEqual([]);
    expect(more).toEqual([]);
    expect(only).toMatchObject({ poolId: POOL, snapshots: 0 });
    const parts = archive().keys.filter((key) => !key.startsWith('manifests/'));
    const found = only?.findings.map(({ code, key }) => `${code} ${key}`).sort();
    const expected = [`missing manifests/pool_id=${POOL}/`, ...parts.map((key) => `extra ${key}`)];
    expect(found).toEqual(expected.sort());
  });

  test('has no finding while its first snapshot is being archived', async () => {
    const copy = archive().copy();
    const other = 'us-east-1_Another';
    const snapshot = '20261125T020000Z';
    copy.write(`jsonl/users/pool_id=${other}/snapshot=${snapshot}/part-00000.jsonl.gz`, 'a part');
    copy.write(`locks/pool_id=${other}/${snapshot}.json`, '{}');
    const { pools } = await verifyArchives({ archive: pathToFileURL(copy.folder).href });
    expect(pools.flatMap(({ findings }) => findings)).toEqual([]);
    expect(pools.map(({ poolId }) => poolId).sort()).toEqual([POOL, other].sort());
  });
});

describe('deleted snapshots', () => {
  test('of any subset are found with the head that a witness kept', async () => {
    const head = sha256(archive().copy().read(manifestOf(LAST)));
    await fc.assert(
      fc.asyncProperty(
        fc.subarray(SNAPSHOTS, { minLength: 1 }),
        fc.boolean(),
        async (deleted, keepsObjects) => {
          const copy = archive().copy();
          for (const snapshot of deleted) {
            if (keepsObjects) remove(copy, manifestOf(snapshot));
            else removeSnapshot(copy, snapshot);
          }
          const { findings } = await copy.verify({ head });
          const kept = SNAPSHOTS.filter((each) => !deleted.includes(each));
          const found = findings.filter(({ code }) => code === 'missing').map((each) => each.key);
          // What a later manifest follows is named; the one before it can be unknown.
          for (const snapshot of deleted) {
            const next = SNAPSHOTS[SNAPSHOTS.indexOf(snapshot) + 1] ?? '';
            if (kept.includes(next)) expect(found).toContain(manifestOf(snapshot));
          }
          if (deleted.includes(LAST)) {
            expect(findings.map(({ code }) => code)).toContain('head-missing');
          }
          expect(findings).not.toEqual([]);
          remove(copy, '.');
        },
      ),
      { numRuns: 25 },
    );
  });

  test('two in a row are found without a witness', async () => {
    const copy = archive().copy();
    for (const snapshot of [SECOND, THIRD]) removeSnapshot(copy, snapshot);
    const { findings, snapshots } = await copy.verify();
    expect(named(findings)).toEqual([['missing', manifestOf(THIRD)]]);
    expect(findings[0]?.detail).toBe(
      `${FOURTH} follows it. Snapshots before it may be missing too.`,
    );
    expect(snapshots).toBe(3);
  });

  test('the last ones are found only with a witness', async () => {
    const copy = archive().copy();
    const head = sha256(copy.read(manifestOf(LAST)));
    for (const snapshot of [FOURTH, LAST]) removeSnapshot(copy, snapshot);
    expect((await copy.verify()).findings).toEqual([]);
    expect((await copy.verify({ head })).findings).toMatchObject([
      { code: 'head-missing', snapshot: null },
    ]);
  });
});
