import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Destination } from '../../src/archive/destination.ts';
import { removalKey, signatureKey } from '../../src/archive/layout.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { describeFile } from '../../src/archive/read-object.ts';
import { useS3, wrap } from '../archive/destinations.ts';
import { NEVER, POOL } from '../archive/support.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import type { S3Bucket, S3Version } from '../support/s3-store.ts';
import {
  ALL_REMOVED,
  FIRST,
  folder,
  listKeys,
  outcomes,
  partsOf,
  prune,
  read,
  SECOND,
  seal,
  signer,
  THIRD,
  useSigner,
  verify,
} from './support.ts';

useSigner();

describe('in a bucket with versions and Object Lock', () => {
  let server: S3Server;
  let destination: Destination;
  beforeEach(async () => {
    server = await startS3Server({ versions: 'object lock', pageSize: 2 });
    onTestFinished(() => server.close());
    useS3(server);
    destination = await openDestination('s3://archive/of/pools');
    await destination.check(NEVER);
    await seal(destination, signer);
  });

  const bucket = () => server.buckets.get('archive') as S3Bucket;
  /** The keys of the versions and delete markers of a snapshot's parts. */
  const versionsOf = (snapshot: string) =>
    bucket().versions.filter(({ key }) => key.includes(`/snapshot=${snapshot}/`));

  test('every version of every object goes, and of the locks too', async () => {
    const [part = ''] = partsOf(await listKeys(destination), FIRST);
    const bytes = await read(destination, part);
    const file = join(folder.path, 'again');
    await writeFile(file, bytes);
    await destination.put(part, await describeFile(file), NEVER);
    bucket().hide(`of/pools/${partsOf(await listKeys(destination), SECOND)[0]}`);
    expect(outcomes(await prune(destination, { signer }))).toEqual(ALL_REMOVED);
    expect([...versionsOf(FIRST), ...versionsOf(SECOND)]).toEqual([]);
    expect(bucket().versions.filter(({ key }) => key.includes('/locks/'))).toEqual([]);
    expect(versionsOf(THIRD)).not.toEqual([]);
    expect((await verify(destination)).findings).toEqual([]);
  });

  test('a snapshot with a locked object is left whole, and reported with the last date', async () => {
    const inADay = new Date(Date.now() + 86_400_000);
    const inAYear = new Date(Date.now() + 365 * 86_400_000);
    const [one, another] = versionsOf(FIRST) as [S3Version, S3Version];
    one.retention = { mode: 'COMPLIANCE', until: inADay };
    another.retention = { mode: 'GOVERNANCE', until: inAYear };
    const before = bucket().versions.filter(({ key }) => key.includes(FIRST));
    for (const dryRun of [true, false]) {
      const { snapshots } = await prune(destination, { signer, dryRun });
      expect(snapshots[0]).toMatchObject({ outcome: 'locked', lockedUntil: inAYear });
      expect(snapshots[1]).toMatchObject({ outcome: 'removed', lockedUntil: null });
    }
    expect(bucket().versions.filter(({ key }) => key.includes(FIRST))).toEqual(before);
    expect((await verify(destination)).findings).toEqual([]);
    for (const each of [one, another]) each.retention = null;
    const { snapshots } = await prune(destination, { signer });
    expect(snapshots[0]).toMatchObject({ snapshot: FIRST, outcome: 'removed' });
  });

  test('so is one whose manifest promises locks, before they are made', async () => {
    const lock = { mode: 'compliance', days: 1, manifestDays: 2 } as const;
    const snapshots = ['20261122T020000Z', '20261123T020000Z', '20261124T020000Z'];
    const before = Date.now();
    await seal(destination, signer, POOL, snapshots, lock);
    const pruning = await prune(destination, { signer });
    const first = pruning.snapshots.find(({ snapshot }) => snapshot === snapshots[0]);
    expect(first).toMatchObject({ outcome: 'locked', problem: null });
    expect(first?.lockedUntil?.getTime()).toBeGreaterThan(before);
    expect(versionsOf(snapshots[0] ?? '')).not.toEqual([]);
  });

  test('a removal and its signature are locked like manifests', async () => {
    const lock = { mode: 'governance', days: 1, manifestDays: 30 } as const;
    await prune(destination, { signer, lock });
    const removal = `of/pools/${removalKey(POOL, FIRST)}`;
    for (const key of [removal, signatureKey(removal)]) {
      const retention = bucket().version(key)?.retention;
      expect(retention?.mode).toBe('GOVERNANCE');
      expect(retention?.until.getTime()).toBeGreaterThan(Date.now() + 29 * 86_400_000);
    }
    expect((await verify(destination)).findings).toEqual([]);
  });

  test('so is one with an earlier version that is locked, or a legal hold', async () => {
    const [part = ''] = partsOf(await listKeys(destination), FIRST);
    const [earlier] = versionsOf(FIRST).filter(({ key }) => key.endsWith(part)) as [S3Version];
    const file = join(folder.path, 'again');
    await writeFile(file, await read(destination, part));
    await destination.put(part, await describeFile(file), NEVER);
    earlier.legalHold = true;
    const { snapshots } = await prune(destination, { signer });
    expect(snapshots[0]).toMatchObject({
      outcome: 'locked',
      lockedUntil: null,
      problem: 'A legal hold protects it until a person lifts the hold.',
    });
    expect(await read(destination, removalKey(POOL, FIRST))).toHaveLength(0);
  });

  test('what was locked after the check is completed once it may be', async () => {
    const until = new Date(Date.now() + 86_400_000);
    const [part] = versionsOf(FIRST) as [S3Version];
    const racing = wrap(destination, {
      delete(keys, signal) {
        part.retention = { mode: 'COMPLIANCE', until };
        return destination.delete(keys, signal);
      },
    });
    const [first] = (await prune(racing, { signer })).snapshots;
    expect(first).toMatchObject({ outcome: 'locked', lockedUntil: until });
    expect(versionsOf(FIRST)).toEqual([part]);
    const again = await prune(destination, { signer });
    expect(again.snapshots[0]).toMatchObject({ snapshot: FIRST, outcome: 'locked' });
    expect(again.removedBefore).toEqual([SECOND]);
    part.retention = null;
    expect((await prune(destination, { signer })).snapshots[0]).toMatchObject({
      snapshot: FIRST,
      outcome: 'removed',
    });
    expect(versionsOf(FIRST)).toEqual([]);
    expect((await verify(destination)).findings).toEqual([]);
  });
});
