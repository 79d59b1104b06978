import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MAX_DOCUMENT_BYTES } from '../../src/archive/errors.ts';
import { manifestKey } from '../../src/archive/layout.ts';
import { POOL } from '../archive/support.ts';
import { type Copy, named, removalOf, revisionOf, SNAPSHOTS, useSealedArchive } from './support.ts';

const archive = useSealedArchive();
const [FIRST = '', SECOND = '', THIRD = '', FOURTH = '', LAST = ''] = SNAPSHOTS;

const manifestOf = (snapshot: string) => manifestKey(POOL, snapshot);
const partsOf = (snapshot: string, format: string) =>
  archive().keys.filter((key) => key.startsWith(format) && key.includes(`snapshot=${snapshot}/`));
const remove = (copy: Copy, key: string) => rmSync(join(copy.folder, key), { recursive: true });

describe('a manifest', () => {
  test('that is sealed again with another key is found', async () => {
    const copy = archive().copy();
    const manifest = { ...copy.manifest(LAST), program: 'other/1.0.0' };
    await copy.seal(manifestOf(LAST), manifest, archive().stranger);
    const { findings, keys } = await copy.verify();
    expect(named(findings)).toEqual([['unknown-key', manifestOf(LAST)]]);
    expect(keys.map(({ permission }) => permission).sort()).toEqual(['allowed', 'refused']);
  });

  test('that is older and put in the place of a newer one is found', async () => {
    const copy = archive().copy();
    for (const suffix of ['', '.sig']) {
      copy.write(manifestOf(FOURTH) + suffix, copy.read(manifestOf(SECOND) + suffix));
    }
    const found = named((await copy.verify()).findings);
    expect(found).toContainEqual(['altered', manifestOf(FOURTH)]);
    expect(found).toContainEqual(['broken-chain', manifestOf(LAST)]);
  });

  test('of another pool is found', async () => {
    const copy = archive().copy();
    await copy.seal(
      manifestOf(LAST),
      { ...copy.manifest(LAST), poolId: 'us-east-1_Other' },
      archive().signer,
    );
    expect(named((await copy.verify()).findings)).toContainEqual(['altered', manifestOf(LAST)]);
  });

  test('of an additional snapshot without a signature is found, wherever it is', async () => {
    for (const snapshot of ['20261119T020000Z', '20261122T120000Z', '20261130T020000Z']) {
      const copy = archive().copy();
      const extra = { ...copy.manifest(LAST), snapshot, objects: [], previous: null };
      await copy.seal(manifestOf(snapshot), extra, null);
      for (const signers of [undefined, null]) {
        const { findings } = await copy.verify(signers === null ? { signers } : {});
        // Before the first signed one, only the signers say that it must be signed.
        if (signers !== null || snapshot > FIRST) {
          expect(named(findings)).toContainEqual(['unsigned', manifestOf(snapshot)]);
        } else {
          expect(named(findings)).toContainEqual(['broken-chain', manifestOf(FIRST)]);
        }
      }
    }
  });

  test('whose signature is gone is found', async () => {
    const copy = archive().copy();
    remove(copy, `${manifestOf(THIRD)}.sig`);
    expect(named((await copy.verify()).findings)).toEqual([['unsigned', manifestOf(THIRD)]]);
    expect(named((await copy.verify({ signers: null })).findings)).toEqual([
      ['unsigned', manifestOf(THIRD)],
    ]);
  });

  test('that names objects elsewhere is found, and they are not read', async () => {
    const copy = archive().copy();
    const { objects, ...rest } = copy.manifest(LAST);
    const outside = objects.map((each) => ({ ...each, key: `${each.key}/../../../../../secret` }));
    await copy.seal(manifestOf(LAST), { ...rest, objects: outside }, archive().signer);
    expect(named((await copy.verify()).findings)).toContainEqual(['altered', manifestOf(LAST)]);
  });
});

describe('a document beside a manifest', () => {
  test('that removes all objects explains why they are gone', async () => {
    const copy = archive().copy();
    const { key, document } = removalOf(copy, SECOND);
    await copy.seal(key, document, archive().signer);
    expect((await copy.verify()).findings.map(({ code }) => code)).toContain('extra');
    for (const part of document['objects'] as string[]) remove(copy, part);
    expect((await copy.verify()).findings).toEqual([]);
  });

  test('that revises objects replaces them', async () => {
    const copy = archive().copy();
    const [old = ''] = partsOf(SECOND, 'jsonl/groups');
    const key = old.replace('part-00000', 'part-00000.r1');
    const revision = revisionOf(copy, SECOND, (each) =>
      each.key === old ? { ...each, key } : each,
    );
    await copy.seal(revision.key, revision.document, archive().signer);
    copy.write(key, copy.read(old));
    expect(named((await copy.verify()).findings)).toEqual([['extra', old]]);
    remove(copy, old);
    expect((await copy.verify()).findings).toEqual([]);
  });

  test.each([
    ['revision', revisionOf],
    ['removal', removalOf],
  ])('a %s without a signature, or with a foreign one, changes nothing', async (_, make) => {
    for (const [code, by] of [
      ['unsigned', null],
      ['unknown-key', archive().stranger],
    ] as const) {
      const copy = archive().copy();
      const { key, document } = make(copy, SECOND);
      const [part = ''] = partsOf(SECOND, 'jsonl/users');
      await copy.seal(key, document, by);
      remove(copy, part);
      expect(named((await copy.verify()).findings).sort()).toEqual(
        [
          [code, key],
          ['missing', part],
        ].sort(),
      );
    }
  });

  test('a revision of another state of the manifest is found', async () => {
    const copy = archive().copy();
    const { key, document } = revisionOf(copy, SECOND);
    const follows = { key: manifestOf(SECOND), sha256: '0'.repeat(64) };
    await copy.seal(key, { ...document, follows }, archive().signer);
    expect(named((await copy.verify()).findings)).toEqual([['broken-chain', key]]);
  });

  test('a revision that is missing before a later one is found', async () => {
    const copy = archive().copy();
    const { key, document } = revisionOf(copy, SECOND);
    const later = key.replace('.r1.', '.r2.');
    await copy.seal(later, { ...document, revision: 2 }, archive().signer);
    expect(named((await copy.verify()).findings)).toContainEqual(['missing', key]);
  });
});

test.each([
  ['manifest', '', 'altered'],
  ['signature', '.sig', 'bad-signature'],
])('a %s of an absurd size is a finding, and not read into memory', async (_, suffix, code) => {
  const copy = archive().copy();
  const key = `${manifestOf(LAST)}${suffix}`;
  truncateSync(join(copy.folder, key), MAX_DOCUMENT_BYTES + 1);
  const { findings } = await copy.verify({ content: 'structure' });
  expect(findings).toContainEqual(expect.objectContaining({ code, key: manifestOf(LAST) }));
});
