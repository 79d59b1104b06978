import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { manifestKey } from '../../src/archive/layout.ts';
import type { ManifestObject } from '../../src/archive/manifest.ts';
import { POOL } from '../archive/support.ts';
import { type Copy, SNAPSHOTS, sha256, useSealedArchive, writeParquet } from './support.ts';

/** Each snapshot has a user and a membership more than the one before. */
const archive = useSealedArchive();
const LAST = SNAPSHOTS.at(-1) as string;
const MANIFEST = manifestKey(POOL, LAST);

type Change = (object: ManifestObject) => ManifestObject;

/** Seals the last snapshot again with other objects, by the key that may sign. */
async function reseal(copy: Copy, change: Change): Promise<void> {
  const manifest = copy.manifest(LAST);
  const objects = manifest.objects.map(change);
  await copy.seal(MANIFEST, { ...manifest, objects }, archive().signer);
}

const of =
  (format: string, change: Change): Change =>
  (object) =>
    object.dataset === 'changes' && object.format === format ? change(object) : object;

/** Stores other bytes for the part of `changes` in one format, and seals them. */
async function replacePart(copy: Copy, format: string, change: (bytes: Buffer) => Buffer) {
  let key = '';
  await reseal(
    copy,
    of(format, (object) => {
      ({ key } = object);
      const bytes = change(copy.read(key));
      copy.write(key, bytes);
      return { ...object, bytes: bytes.length, sha256: sha256(bytes) };
    }),
  );
  return key;
}

const lines = (change: (text: string) => string) => (bytes: Buffer) =>
  gzipSync(change(gunzipSync(bytes).toString()));

describe('rows of changes that were sealed wrongly are found:', () => {
  test.each([
    [
      'another kind',
      lines((text) => text.replace('"added"', '"removed"')),
      'rows',
      'It has 0 users that are added, and its manifest says 1.',
    ],
    [
      'an unknown kind',
      lines((text) => text.replace('"added"', '"moved"')),
      'schema',
      'Row 1 has an unknown entity or kind.',
    ],
    [
      'a row that is no object',
      lines((text) => text.replace(/"after":\{.*\}\}/, '"after":[]}')),
      'schema',
      'Row 1 has a wrong value of `after`.',
    ],
  ])('%s in JSON Lines', async (_, change, code, detail) => {
    const copy = archive().copy();
    const key = await replacePart(copy, 'jsonl', change);
    expect((await copy.verify()).findings).toEqual([{ code, key, snapshot: LAST, detail }]);
  });

  test.each([
    ['another kind', 'removed', 'rows', 'It has 0 users that are added, and its manifest says 1.'],
    [
      'an unknown kind',
      'moved',
      'schema',
      'A row cannot be read, or has an unknown entity or kind.',
    ],
  ])('%s in Parquet', async (_, kind, code, detail) => {
    const copy = archive().copy();
    const path = copy.manifest(LAST).objects.find(({ dataset, format }) => {
      return dataset === 'changes' && format === 'parquet';
    })?.key;
    const rows = `read_parquet('${copy.folder}/${path}', hive_partitioning = false)`;
    const bytes = await writeParquet(
      `SELECT * REPLACE (CASE entity WHEN 'user' THEN '${kind}' ELSE kind END AS kind) FROM ${rows}`,
    );
    const key = await replacePart(copy, 'parquet', () => bytes);
    expect((await copy.verify()).findings).toEqual([{ code, key, snapshot: LAST, detail }]);
  });
});

describe('a manifest whose changes', () => {
  const count = (added: number, removed: number) => ({ added, modified: 0, removed });
  const changes = (users: ReturnType<typeof count>, memberships = count(1, 0)) => ({
    users,
    groups: count(0, 0),
    memberships,
  });
  const structure = { content: 'structure' } as const;
  const details = async (copy: Copy) => {
    const { findings } = await copy.verify(structure);
    expect(findings.every(({ code, key }) => code === 'rows' && key === MANIFEST)).toBe(true);
    return findings.map(({ detail }) => detail);
  };

  test('do not lead from the counts before to its own is found, without reading a part', async () => {
    const copy = archive().copy();
    await reseal(copy, (object) =>
      object.dataset === 'changes' ? { ...object, changes: changes(count(0, 1)) } : object,
    );
    expect(await details(copy)).toEqual([
      'It counts 7 users, but 6 before, 0 added and 1 removed.',
    ]);
    // Of the first snapshot of a range, the one before is not read.
    const from = new Date('2026-11-24T00:00:00Z');
    expect((await copy.verify({ ...structure, from })).findings).toEqual([]);
  });

  test('differ between its formats is found', async () => {
    const copy = archive().copy();
    await reseal(
      copy,
      of('jsonl', (object) => ({ ...object, changes: changes(count(1, 0), count(0, 1)) })),
    );
    expect(await details(copy)).toEqual(['It has different changes as jsonl and parquet.']);
  });

  test('are other rows than its parts have is found', async () => {
    const copy = archive().copy();
    let key = '';
    await reseal(
      copy,
      of('jsonl', (object) => {
        ({ key } = object);
        return { ...object, changes: changes(count(2, 1)) };
      }),
    );
    expect(await details(copy)).toContain(
      `It says that ${key} has 2 rows, and counts others by kind.`,
    );
  });

  test('were never counted is found', async () => {
    const copy = archive().copy();
    await reseal(copy, ({ changes: _, ...object }) => object);
    expect((await details(copy)).length).toBeGreaterThan(0);
  });
});

test('an archive that was sealed before there were changes is valid', async () => {
  const copy = archive().copy();
  const manifest = copy.manifest(LAST);
  const objects = manifest.objects.filter(({ dataset }) => dataset !== 'changes');
  await copy.seal(MANIFEST, { ...manifest, objects }, archive().signer);
  for (const { key } of manifest.objects) {
    if (key.includes('/changes/')) rmSync(join(copy.folder, key));
  }
  expect((await copy.verify()).findings).toEqual([]);
});
