import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Destination, Retention } from '../../src/archive/destination.ts';
import { lockSnapshot } from '../../src/archive/object-lock.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { describeFile } from '../../src/archive/read-object.ts';
import { writeArchive } from '../../src/archive/write-archive.ts';
import { ActionRequiredError } from '../../src/model/errors.ts';
import type { ArchiveLock } from '../../src/model/object-lock.ts';
import { type S3Options, type S3Server, startS3Server } from '../support/s3-server.ts';
import type { S3Bucket, S3Version } from '../support/s3-store.ts';
import { temporaryFolder } from '../support/temp.ts';
import { openFolder, useS3 } from './destinations.ts';
import {
  catchError,
  catchRefusal,
  MANIFEST,
  NEVER,
  optionsWith,
  POOL,
  pool,
  readManifest,
  requestFor,
  rowsOf,
} from './support.ts';

const DAY_MS = 86_400_000;
const LOCK: ArchiveLock = { mode: 'compliance', days: 30, manifestDays: 365 };
const LARGE = 20_000_000;

let server: S3Server;
let local: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  local = await temporaryFolder();
});
afterEach(async () => {
  await server?.close();
  await local.remove();
});

async function open(versions: S3Options['versions'] = 'object lock'): Promise<Destination> {
  server = await startS3Server({ versions: versions ?? false, pageSize: 2 });
  useS3(server);
  return openDestination('s3://archive/of/pools');
}

async function file(length: number) {
  await writeFile(`${local.path}/file`, randomBytes(length));
  return describeFile(`${local.path}/file`);
}

const bucket = () => server.buckets.get('archive') as S3Bucket;
const version = (key: string) => bucket().version(`of/pools/${key}`) as S3Version;
const locks = () => server.requests.filter(({ operation }) => operation === 'PutObjectRetention');
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS);

const datasets = pool(5);
const request = requestFor(datasets);

/** Seals a snapshot, and locks it. */
async function seal(destination: Destination): Promise<{ sha256: string }> {
  const options = optionsWith({ lock: LOCK });
  const archive = await writeArchive(destination, request, rowsOf(datasets), options);
  const { manifestSha256: sha256, versions, needsLocks } = archive;
  expect(needsLocks).toBe(true);
  await lockSnapshot(destination, { ...SNAPSHOT, sha256 }, versions, NEVER);
  return { sha256 };
}

const SNAPSHOT = { poolId: POOL, snapshot: '20261120T020000Z' };

describe('a check', () => {
  test('passes in a bucket with Object Lock, and locks nothing', async () => {
    for (const versions of ['object lock', 'default retention'] as const) {
      const destination = await open(versions);
      for (let i = 0; i < 2; i += 1) await destination.check(NEVER, 'compliance');
      const left = bucket().versions.map(({ retention }) => retention?.mode);
      expect(left).toEqual(versions === 'object lock' ? [] : ['GOVERNANCE']);
      await server.close();
    }
  });

  test.each([[false], [true]] as const)(
    'reports a bucket without Object Lock (versions: %s) before it writes anything',
    async (versions) => {
      const destination = await open(versions);
      const { message } = await catchRefusal(destination.check(NEVER, 'governance'));
      expect(message).toBe(
        'ARCHIVE_LOCK_MODE: the bucket archive has no Object Lock. Turn it on: `aws s3api put-object-lock-configuration --bucket archive --object-lock-configuration ObjectLockEnabled=Enabled` (the bucket must keep versions). Or unset ARCHIVE_LOCK_MODE.',
      );
      expect(bucket().stored).toEqual([]);
    },
  );

  test('reports a folder', async () => {
    const folder = await openFolder();
    const { message } = await catchRefusal(folder.destination.check(NEVER, 'governance'));
    expect(message).toMatch(
      /^ARCHIVE_LOCK_MODE: the folder .* has no Object Lock\. Set ARCHIVE_URL/,
    );
    await folder.close();
  });

  test.each([
    ['GetObjectLockConfiguration', 's3:GetBucketObjectLockConfiguration'],
    ['GetObjectRetention', 's3:GetObjectRetention'],
    ['PutObjectRetention', 's3:PutObjectRetention'],
  ])('names the IAM action if %s is denied', async (operation, action) => {
    const destination = await open();
    server.fault = (each) => (each.operation === operation ? 'AccessDenied' : null);
    const { message } = await catchRefusal(destination.check(NEVER, 'governance'));
    expect(message).toContain(`is denied for the call ${operation}.`);
    expect(message).toContain(`Allow the IAM action ${action} `);
    expect(bucket().objects.size).toBe(0);
  });

  test.each(['GetObjectLockConfiguration', 'PutObjectRetention'])(
    'reports a server without %s',
    async (operation) => {
      const destination = await open();
      server.fault = (each) => (each.operation === operation ? 'NotImplemented' : null);
      const { message } = await catchRefusal(destination.check(NEVER, 'governance'));
      expect(message).toContain(
        `ARCHIVE_LOCK_MODE: the server of the bucket archive does not support the call ${operation}`,
      );
    },
  );
});

describe('a snapshot', () => {
  test('is sealed unlocked, then locked until the dates in its manifest', async () => {
    const destination = await open();
    const before = Date.now();
    await seal(destination);
    const { lock, objects } = await readManifest(destination, request);
    expect(lock.mode).toBe('compliance');
    const [parts, manifest] = [new Date(lock.partsUntil), new Date(lock.manifestUntil)];
    const sealedAt = parts.getTime() - 30 * DAY_MS;
    expect(manifest.getTime() - 365 * DAY_MS).toBe(sealedAt);
    expect(sealedAt % 1_000).toBe(0);
    expect(sealedAt).toBeGreaterThanOrEqual(before);
    expect(sealedAt).toBeLessThan(Date.now() + 1_000);
    for (const { key } of objects) {
      expect(version(key).retention).toEqual({ mode: 'COMPLIANCE', until: parts });
    }
    expect(version(MANIFEST).retention).toEqual({ mode: 'COMPLIANCE', until: manifest });
    const order = server.requests.map(({ operation }) => operation);
    expect(order.indexOf('PutObjectRetention')).toBeGreaterThan(order.lastIndexOf('PutObject'));
    expect(await destination.readLock(MANIFEST, NEVER)).toEqual({
      state: 'locked',
      mode: 'compliance',
      until: manifest,
    });
  });

  test('whose locks were interrupted gets the rest, with the same dates', async () => {
    const destination = await open();
    let left = 3;
    server.fault = ({ operation }) =>
      operation === 'PutObjectRetention' && left-- <= 0 ? 'AccessDenied' : null;
    const error = await catchError(seal(destination));
    expect(error).toBeInstanceOf(ActionRequiredError);
    expect(error.message).toContain('Allow the IAM action s3:PutObjectRetention ');
    server.fault = () => null;
    const { manifestSha256: sha256, ...again } = await writeArchive(
      destination,
      request,
      rowsOf(datasets),
      optionsWith({ lock: { ...LOCK, days: 1 } }),
    );
    expect(again.versions.size).toBe(0);
    const before = locks().length;
    await lockSnapshot(destination, { ...SNAPSHOT, sha256 }, again.versions, NEVER);
    const { lock, objects } = await readManifest(destination, request);
    expect(locks().length - before).toBe(objects.length + 1 - 3);
    for (const { key } of objects) {
      expect(version(key).retention?.until).toEqual(new Date(lock.partsUntil));
    }
    await lockSnapshot(destination, { ...SNAPSHOT, sha256 }, new Map(), NEVER);
    expect(locks().length - before).toBe(objects.length + 1 - 3);
  });

  test('without a promise in its manifest is not locked', async () => {
    const destination = await open();
    const archive = await writeArchive(destination, request, rowsOf(datasets), optionsWith());
    expect(archive.needsLocks).toBe(false);
    const { manifestSha256: sha256, versions } = archive;
    await lockSnapshot(destination, { ...SNAPSHOT, sha256 }, versions, NEVER);
    expect(locks()).toEqual([]);
  });

  test('whose manifest was changed is not locked', async () => {
    const destination = await open();
    const { sha256 } = await seal(destination);
    const before = locks().length;
    await destination.put(MANIFEST, await file(100), NEVER);
    const { message } = await catchRefusal(
      lockSnapshot(destination, { ...SNAPSHOT, sha256 }, new Map(), NEVER),
    );
    expect(message).toContain('is not as it was sealed, so the snapshot was not locked');
    expect(locks()).toHaveLength(before);
  });

  test('under a longer default retention keeps it', async () => {
    const destination = await open('default retention');
    const options = optionsWith({ lock: { ...LOCK, days: 1, manifestDays: 1 } });
    const { manifestSha256: sha256, versions } = await writeArchive(
      destination,
      request,
      rowsOf(datasets),
      options,
    );
    const until = inDays(100);
    for (const each of bucket().versions) each.retention = { mode: 'COMPLIANCE', until };
    const before = locks().length;
    await lockSnapshot(destination, { ...SNAPSHOT, sha256 }, versions, NEVER);
    expect(locks()).toHaveLength(before);
  });
});

describe('an object', () => {
  const retention: Retention = { mode: 'governance', until: inDays(10) };

  test.each([10, LARGE])('of %d bytes is locked by the version that was stored', async (length) => {
    const destination = await open();
    const mine = await file(length);
    const versionId = await destination.put('a', mine, NEVER);
    const own = version('a');
    await destination.put('a', await file(length), NEVER);
    await destination.lock({ key: 'a', ...mine, versionId }, retention, NEVER);
    expect(own.retention).toEqual({ mode: 'GOVERNANCE', until: retention.until });
    expect(version('a').retention).toBeNull();
  });

  test.each([10, LARGE])(
    'of %d bytes without a known version is compared before it is locked',
    async (length) => {
      const destination = await open();
      const mine = await file(length);
      await destination.put('a', mine, NEVER);
      await destination.lock({ key: 'a', ...mine, versionId: null }, retention, NEVER);
      expect(version('a').retention?.until).toEqual(retention.until);

      await destination.put('a', await file(length), NEVER);
      const locking = destination.lock({ key: 'a', ...mine, versionId: null }, retention, NEVER);
      expect((await catchRefusal(locking)).message).toContain('a is not as it was sealed');
      expect(version('a').retention).toBeNull();
    },
  );

  test.each([
    ['compliance', 20, 'governance', 10, 'COMPLIANCE', 20],
    ['compliance', 5, 'governance', 10, 'COMPLIANCE', 10],
    ['governance', 20, 'compliance', 10, 'COMPLIANCE', 20],
    ['governance', 5, 'governance', 10, 'GOVERNANCE', 10],
    ['compliance', -1, 'governance', 10, 'GOVERNANCE', 10],
  ] as const)(
    'locked by %s for %d days and then by %s for %d is locked by %s for %d',
    async (mode, days, wanted, wantedDays, finalMode, finalDays) => {
      const destination = await open();
      const mine = await file(10);
      await destination.put('a', mine, NEVER);
      const dates = new Map<number, Date>([days, wantedDays].map((each) => [each, inDays(each)]));
      const until = (each: number) => dates.get(each) as Date;
      version('a').retention = {
        mode: mode === 'compliance' ? 'COMPLIANCE' : 'GOVERNANCE',
        until: until(days),
      };
      const target = { key: 'a', ...mine, versionId: null };
      await destination.lock(target, { mode: wanted, until: until(wantedDays) }, NEVER);
      expect(version('a').retention).toEqual({ mode: finalMode, until: until(finalDays) });
    },
  );

  test('says how it is locked, as far as the reader may see', async () => {
    const destination = await open();
    await destination.put('a', await file(10), NEVER);
    expect(await destination.readLock('a', NEVER)).toEqual({ state: 'unlocked' });
    server.fault = ({ operation }) => (operation === 'GetObjectRetention' ? 'AccessDenied' : null);
    expect(await destination.readLock('a', NEVER)).toEqual({ state: 'hidden' });
    await server.close();
    for (const versions of [true, false]) {
      const plain = await open(versions);
      await plain.put('a', await file(10), NEVER);
      expect(await plain.readLock('a', NEVER)).toEqual({ state: 'unsupported' });
      if (versions) await server.close();
    }
  });
});
