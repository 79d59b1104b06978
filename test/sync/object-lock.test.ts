import { afterEach, beforeEach, expect, it } from 'vitest';
import { openDestination } from '../../src/archive/open-destination.ts';
import type { ArchiveLock } from '../../src/model/object-lock.ts';
import { useS3 } from '../archive/destinations.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import type { S3Bucket } from '../support/s3-store.ts';

const LOCK: ArchiveLock = { mode: 'compliance', days: 30, manifestDays: 60 };

let mirror: TestMirror;
let server: S3Server;
beforeEach(async () => {
  mirror = await openTestMirror({ users: 40, groups: 3, seed: 17 });
  server = await startS3Server({ versions: 'object lock' });
});
afterEach(async () => {
  await server.close();
  await mirror.close();
});

/** The objects of a first snapshot in two formats, with its manifest; later ones also have changes. */
const FIRST = 7;
const LATER = 9;

/** Takes a snapshot, as a process of its own would. */
async function sync(archiveLock: ArchiveLock | null = LOCK) {
  useS3(server);
  const destination = await openDestination('s3://archive/of/pools');
  return mirror.sync({ destination, ...(archiveLock && { archiveLock }) });
}

const objects = () => {
  const { versions } = server.buckets.get('archive') as S3Bucket;
  // The locks of the mirror itself are no evidence.
  return versions.filter(({ key }) => /^of\/pools\/(parquet|jsonl|manifests)\//.test(key));
};
const unlocked = () => objects().filter(({ retention }) => retention === null);
const waiting = () => mirror.rows('SELECT 1 FROM mirror.runs WHERE needs_locks');
const requests = (operation: string) =>
  server.requests.filter((request) => request.operation === operation).length;

/** Refuses every lock after the first ones. */
function refuseLocksAfter(count: number): void {
  let left = count;
  server.fault = ({ operation }) =>
    operation === 'PutObjectRetention' && left-- <= 0 ? 'AccessDenied' : null;
}

it('every object of a snapshot is locked in its run, by its own version', async () => {
  const { report } = await sync();
  expect(report.state).toBe('archived');
  expect(objects()).toHaveLength(FIRST);
  expect(unlocked()).toEqual([]);
  expect(await waiting()).toEqual([]);
});

it('the next run locks what a run left, and asks for nothing that is locked', async () => {
  await sync();
  refuseLocksAfter(2);
  const failed = await sync();
  expect(failed.error?.message).toContain('Allow the IAM action s3:PutObjectRetention ');
  // Readers have the snapshot, and its archive is sealed.
  expect(failed.report.state).toBe('archived');
  expect(unlocked()).toHaveLength(LATER - 2);
  expect(await waiting()).toHaveLength(1);

  server.fault = () => null;
  const before = requests('PutObjectRetention');
  expect((await sync()).report.state).toBe('archived');
  expect(requests('PutObjectRetention') - before).toBe(LATER - 2 + LATER);
  expect(unlocked()).toEqual([]);
  expect(await waiting()).toEqual([]);
  const dates = objects()
    .filter(
      ({ key }) => key.includes(failed.report.snapshot as string) && !key.includes('manifests'),
    )
    .map(({ retention }) => retention?.until.getTime());
  expect(new Set(dates).size).toBe(1);
});

it('locks that were promised are made even if the mode was unset in the meantime', async () => {
  refuseLocksAfter(0);
  await sync();
  server.fault = () => null;
  await sync(null);
  expect(unlocked()).toHaveLength(LATER);
  expect(await waiting()).toEqual([]);
});

it('a snapshot whose manifest promises no lock stays unlocked', async () => {
  await sync(null);
  await sync();
  expect(unlocked()).toHaveLength(FIRST);
  expect(objects()).toHaveLength(FIRST + LATER);
});

it('an object that was replaced before it was locked is reported every run, and never locked', async () => {
  refuseLocksAfter(0);
  await sync();
  server.fault = () => null;
  const bucket = server.buckets.get('archive') as S3Bucket;
  const [part] = objects().filter(({ key }) => key.includes('/users/'));
  bucket.put(part?.key as string, Buffer.from('forged'), {});
  for (let run = 0; run < 2; run += 1) {
    const { error, report } = await sync();
    expect(error?.message).toContain('is not as it was sealed, so it was not locked');
    expect(report.state).toBe('archived');
  }
  expect(bucket.version(part?.key as string)?.retention).toBeNull();
});
