import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import type { Destination } from '../../src/archive/destination.ts';
import { manifestKey, partsPrefix } from '../../src/archive/layout.ts';
import { lockSnapshot } from '../../src/archive/object-lock.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { describeFile } from '../../src/archive/read-object.ts';
import { type ArchiveResult, writeArchive } from '../../src/archive/write-archive.ts';
import { formatVerification } from '../../src/cli/display/verification-text.ts';
import type { PoolVerification } from '../../src/verify/findings.ts';
import type { Selection } from '../../src/verify/select.ts';
import { verifyPool } from '../../src/verify/verify-pool.ts';
import { useS3 } from '../archive/destinations.ts';
import {
  contentOf,
  NEVER,
  optionsWith,
  POOL,
  pool,
  requestFor,
  rowsOf,
} from '../archive/support.ts';
import { folderForEach } from '../support/folder-for-each.ts';
import { type S3Options, type S3Server, startS3Server } from '../support/s3-server.ts';
import type { S3Bucket, S3Version } from '../support/s3-store.ts';
import { named } from './support.ts';

const LOCK = { mode: 'compliance', days: 30, manifestDays: 60 } as const;
const [FIRST, SECOND] = ['20261120T020000Z', '20261121T020000Z'] as const;
const PART = `${partsPrefix('jsonl', 'users', POOL, FIRST)}part-00000.jsonl.gz`;

let server: S3Server;
let destination: Destination;
const local = folderForEach();
afterEach(() => server.close());

/** Seals and locks two snapshots in a bucket. `publishedAt` is that of the second. */
async function seal(
  versions: S3Options['versions'] = 'object lock',
  publishedAt = new Date('2026-11-21T02:10:00Z'),
): Promise<void> {
  server = await startS3Server({ versions: versions ?? false, pageSize: 3 });
  useS3(server);
  destination = await openDestination('s3://archive/of/pools');
  for (const [day, published] of [
    [20, new Date('2026-11-20T02:10:00Z')],
    [21, publishedAt],
  ] as const) {
    const snapshotAt = new Date(Date.UTC(2026, 10, day, 2));
    const rows = pool(day);
    const request = requestFor(rows, { snapshotAt, walkedAt: published, publishedAt: published });
    const options = optionsWith({ lock: LOCK, formats: ['jsonl'] });
    const archive = await writeArchive(destination, request, rowsOf(rows), options);
    if (versions === 'object lock') await lock(day === 20 ? FIRST : SECOND, archive);
  }
}

async function lock(snapshot: string, archive: ArchiveResult): Promise<void> {
  const sealed = { poolId: POOL, snapshot, sha256: archive.manifestSha256 };
  await lockSnapshot(destination, sealed, archive.versions, NEVER);
}

const verify = (content: Selection['content'] = 'all', from = destination) =>
  verifyPool(from, POOL, {
    from: null,
    to: null,
    content,
    signers: null,
    head: null,
    parquet: null,
    signal: NEVER,
  });

const bucket = () => server.buckets.get('archive') as S3Bucket;
const version = (key: string) => bucket().version(`of/pools/${key}`) as S3Version;

/** Puts other bytes over an object. */
async function replace(key: string, text: string): Promise<void> {
  const path = join(local(), 'replacement');
  writeFileSync(path, text);
  await destination.put(key, await describeFile(path), NEVER);
}

/** What the summary says about locks and versions. */
const summary = (verified: PoolVerification) =>
  formatVerification({ pools: [verified], outside: [] }, 100)
    .split('\n')
    .filter((line) => /^ {2}(locks|versions) /.test(line))
    .map((line) => line.trim().replace(/ +/, ' '));

describe('locks', () => {
  test('as promised are no finding', async () => {
    await seal();
    for (const content of ['all', 'structure'] as const) {
      const verified = await verify(content);
      expect(verified.findings).toEqual([]);
      expect(verified.locks).toEqual({ locked: 8, unseen: null });
      expect(summary(verified)).toEqual(['locks 8 objects, as the manifests promise']);
    }
  });

  test('that are missing, too short or too weak are found, with or without reading objects', async () => {
    await seal();
    const until = version(PART).retention?.until as Date;
    const groups = PART.replace('users', 'groups');
    const manifest = manifestKey(POOL, SECOND);
    version(PART).retention = null;
    version(groups).retention = { mode: 'COMPLIANCE', until: new Date(until.getTime() - 1_000) };
    const sealed = version(manifest).retention?.until as Date;
    version(manifest).retention = { mode: 'GOVERNANCE', until: sealed };
    for (const content of ['all', 'structure', { part: 1, of: 7 }] as const) {
      const { findings } = await verify(content);
      expect(named(findings)).toEqual([
        ['unlocked', groups],
        ['unlocked', PART],
        ['unlocked', manifest],
      ]);
      expect(findings[1]?.detail).toBe(
        `Its manifest promises a lock (compliance) until ${until.toISOString()}, and it has none.`,
      );
      expect(findings[2]?.detail).toMatch(/, and it is locked \(governance\) until /);
    }
  });

  test('longer or stronger than promised are right', async () => {
    await seal();
    for (const each of bucket().versions) {
      each.retention = { mode: 'COMPLIANCE', until: new Date('2200-01-01') };
    }
    expect((await verify()).findings).toEqual([]);
  });

  test('that have ended are not asked for', async () => {
    await seal();
    const content = [...bucket().versions];
    for (const each of content) each.retention = null;
    // A manifest whose promise is over.
    for (const snapshot of [FIRST, SECOND]) {
      const key = `of/pools/${manifestKey(POOL, snapshot)}`;
      expect(bucket().objects.get(key)?.bytes.toString()).toContain('"partsUntil"');
    }
    const before = Date.now();
    const late = new Date(before + 61 * 86_400_000);
    const { promisedLocks } = await import('../../src/verify/check-locks.ts');
    const manifest = JSON.parse(
      bucket()
        .objects.get(`of/pools/${manifestKey(POOL, FIRST)}`)
        ?.bytes.toString() as string,
    );
    expect(promisedLocks('m', manifest, late).size).toBe(0);
    const between = new Date(before + 45 * 86_400_000);
    expect([...promisedLocks('m', manifest, between).keys()]).toEqual(['m', 'm.sig']);
  });

  test('of a snapshot that was just published are not missed yet', async () => {
    await seal('object lock', new Date());
    const own = bucket().versions.filter(({ key }) => key.includes(SECOND));
    for (const each of own) each.retention = null;
    const { findings, locks } = await verify();
    expect(findings).toEqual([]);
    expect(locks.locked).toBe(4);
  });

  test('that the reader may not see are named in the summary', async () => {
    await seal();
    for (const each of bucket().versions) each.retention = null;
    server.fault = ({ operation }) => (operation === 'GetObjectRetention' ? 'AccessDenied' : null);
    const verified = await verify();
    expect(verified.findings).toEqual([]);
    expect(summary(verified)).toEqual(['locks not checked: that needs s3:GetObjectRetention']);
  });

  test('are not missed in a copy without Object Lock, in a bucket or in a folder', async () => {
    await seal();
    const copy = join(local(), 'copy');
    for (const [key, bytes] of await contentOf(destination)) {
      mkdirSync(dirname(join(copy, key)), { recursive: true });
      writeFileSync(join(copy, key), bytes);
    }
    cpSync(copy, join(local(), 'again'), { recursive: true });
    const inFolder = await verify('all', await openDestination(pathToFileURL(copy).href));
    const [note] = summary(inFolder);
    expect(inFolder.findings).toEqual([]);
    expect(note).toBe('locks not checked: this copy is in a place without Object Lock');
    await server.close();
    for (const versions of [true, false]) {
      await seal(versions);
      const verified = await verify();
      expect(verified.findings).toEqual([]);
      expect(summary(verified)).toEqual([note]);
      if (versions) await server.close();
    }
  });

  test('of leftovers are named with their date', async () => {
    await seal();
    const extra = PART.replace('00000', '00007');
    await replace(extra, 'a leftover');
    const until = new Date('2030-01-01T00:00:00.000Z');
    version(extra).retention = { mode: 'GOVERNANCE', until };
    expect((await verify()).findings).toMatchObject([
      {
        code: 'extra',
        key: extra,
        detail: 'No manifest of the archive names it. It is locked until 2030-01-01T00:00:00.000Z.',
      },
    ]);
  });
});

describe('a version over a sealed one', () => {
  test.each([
    ['other bytes', (right: Buffer) => Buffer.from(right).fill(0, 12, 13).toString('latin1')],
    ['fewer bytes', () => 'x'],
    ['more bytes', (right: Buffer) => `${right.toString('latin1')}${right.toString('latin1')}`],
  ])('with %s is found', async (_, change) => {
    await seal();
    const right = bucket().objects.get(`of/pools/${PART}`)?.bytes as Buffer;
    await replace(PART, change(right));
    version(PART).retention = { mode: 'COMPLIANCE', until: new Date('2200-01-01') };
    for (const content of ['all', 'structure'] as const) {
      const { findings } = await verify(content);
      expect(named(findings)).toEqual([['replaced-version', PART]]);
      expect(findings[0]?.detail).toMatch(
        /^Another version of 20.*Z hides the version version-\d+ of 20.*Z, which is still there\.$/,
      );
    }
  });

  test('can be a delete marker, over a part or a manifest, the newest included', async () => {
    await seal();
    const hidden = [PART, manifestKey(POOL, FIRST), manifestKey(POOL, SECOND)];
    for (const key of hidden) {
      bucket().hide(`of/pools/${key}`);
      const { findings } = await verify();
      const own = findings.filter((finding) => finding.key === key);
      expect(named(own)).toEqual([['replaced-version', key]]);
      expect(own[0]?.detail).toMatch(/^A delete marker of 20.*Z hides the version /);
      bucket().versions.pop();
      const restored = version(key).object;
      if (restored) bucket().objects.set(`of/pools/${key}`, restored);
    }
  });

  test('over a manifest is found by the manifest that follows', async () => {
    await seal();
    const key = manifestKey(POOL, FIRST);
    const bytes = bucket().objects.get(`of/pools/${key}`)?.bytes as Buffer;
    await replace(key, bytes.toString().replace('cognito-mirror/', 'another/'));
    const found = named((await verify()).findings);
    expect(found).toContainEqual(['replaced-version', key]);
    expect(found.map(([code]) => code)).not.toContain('broken-chain');
  });

  test('is no finding if it has the same bytes', async () => {
    await seal(true);
    const right = bucket().objects.get(`of/pools/${PART}`)?.bytes as Buffer;
    bucket().put(`of/pools/${PART}`, right, {});
    expect((await verify()).findings).toEqual([]);
  });

  test('without an older version that was sealed, an object is altered', async () => {
    await seal();
    const sealed = version(PART).id;
    await replace(PART, 'x');
    bucket().versions = bucket().versions.filter(({ id }) => id !== sealed);
    expect(named((await verify('structure')).findings)).toContainEqual(['truncated', PART]);
  });

  test('is not found by a reader who may not list versions, and the summary says so', async () => {
    await seal(true);
    await replace(PART, 'x');
    server.fault = ({ operation }) => (operation === 'ListObjectVersions' ? 'AccessDenied' : null);
    const verified = await verify();
    expect(named(verified.findings)).toEqual([['truncated', PART]]);
    expect(summary(verified)).toContain('versions not looked at: that needs s3:ListBucketVersions');
  });
});
