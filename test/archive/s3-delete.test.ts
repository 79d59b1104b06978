import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Destination } from '../../src/archive/destination.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { describeFile } from '../../src/archive/read-object.ts';
import { ActionRequiredError, ResumableError } from '../../src/model/errors.ts';
import { folderForEach } from '../support/folder-for-each.ts';
import { type S3Options, type S3Server, startS3Server } from '../support/s3-server.ts';
import type { S3Bucket, S3Version } from '../support/s3-store.ts';
import { useS3 } from './destinations.ts';
import { catchError, NEVER } from './support.ts';

const IN_A_DAY = new Date(Date.now() + 86_400_000);
const IN_A_YEAR = new Date(Date.now() + 365 * 86_400_000);

let server: S3Server;
const local = folderForEach();
afterEach(() => server.close());

/** Opens an archive whose listings have two keys per page, and checks it. */
async function open(versions: S3Options['versions'] = 'object lock'): Promise<Destination> {
  server = await startS3Server({ versions: versions ?? false, pageSize: 2 });
  useS3(server);
  const destination = await openDestination('s3://archive/of/pools');
  await destination.check(NEVER);
  return destination;
}

async function file(length: number) {
  await writeFile(`${local()}/file`, randomBytes(length));
  return describeFile(`${local()}/file`);
}

const bucket = () => server.buckets.get('archive') as S3Bucket;
const version = (key: string) => bucket().version(`of/pools/${key}`) as S3Version;
/** The keys of the versions and delete markers that are left. */
const left = () => bucket().versions.map(({ key }) => key.slice('of/pools/'.length));

/** Stores several versions of an object. */
async function store(destination: Destination, key: string, versions = 1): Promise<void> {
  for (let i = 0; i < versions; i += 1) await destination.put(key, await file(10 + i), NEVER);
}

describe('in a bucket with versions', () => {
  test('every version and delete marker of the named objects goes, and no other', async () => {
    const destination = await open(true);
    for (const key of ['a/b/1', 'a/b/2', 'a/b/22', 'a/c/1', '1']) await store(destination, key, 3);
    bucket().hide('of/pools/a/b/2');
    expect(await destination.delete(['a/b/2', 'a/c/1', '1', 'a/missing'], NEVER)).toEqual([]);
    expect([...new Set(left())].sort()).toEqual(['a/b/1', 'a/b/22']);
    expect(left()).toHaveLength(6);
  });

  test('a deletion of nothing makes no request', async () => {
    const destination = await open(true);
    const before = server.requests.length;
    expect(await destination.delete([], NEVER)).toEqual([]);
    expect(server.requests).toHaveLength(before);
  });

  test('wrong bytes that were just stored go, and the versions before them stay', async () => {
    const destination = await open(true);
    await store(destination, 'part', 2);
    server.fault = ({ operation }) => (operation === 'PutObject' ? 'fewer bytes' : null);
    const error = await catchError(destination.put('part', await file(20), NEVER));
    expect(error).toBeInstanceOf(ResumableError);
    expect(left()).toEqual(['part', 'part']);
    expect(await destination.head('part', NEVER)).toMatchObject({ bytes: 11 });
  });
});

describe('what a lock protects', () => {
  test('stays, is visible, and is returned with the last date', async () => {
    const destination = await open();
    await store(destination, 'a/1', 2);
    await store(destination, 'a/2', 3);
    const [first] = bucket().versions.filter(({ key }) => key.endsWith('a/2')) as [S3Version];
    first.retention = { mode: 'COMPLIANCE', until: IN_A_YEAR };
    version('a/2').retention = { mode: 'GOVERNANCE', until: IN_A_DAY };
    bucket().hide('of/pools/a/2');
    expect(await destination.head('a/2', NEVER)).toBeNull();
    expect(await destination.delete(['a/1', 'a/2'], NEVER)).toEqual([
      { key: 'a/2', until: IN_A_YEAR, isHeld: false },
    ]);
    expect(left()).toEqual(['a/2', 'a/2']);
    expect(await destination.head('a/2', NEVER)).toMatchObject({ bytes: 12 });
  });

  test('can be a legal hold, which has no date', async () => {
    const destination = await open();
    await store(destination, 'a');
    version('a').legalHold = true;
    expect(await destination.delete(['a'], NEVER)).toEqual([
      { key: 'a', until: null, isHeld: true },
    ]);
    version('a').retention = { mode: 'GOVERNANCE', until: IN_A_DAY };
    expect(await destination.delete(['a'], NEVER)).toEqual([
      { key: 'a', until: IN_A_DAY, isHeld: true },
    ]);
  });

  test('is returned without a date if the reader may not see the lock', async () => {
    const destination = await open();
    await store(destination, 'a');
    version('a').retention = { mode: 'COMPLIANCE', until: IN_A_DAY };
    server.fault = ({ operation }) => (operation === 'HeadObject' ? 'AccessDenied' : null);
    expect(await destination.delete(['a'], NEVER)).toEqual([
      { key: 'a', until: null, isHeld: false },
    ]);
  });

  test('goes after its lock has ended', async () => {
    const destination = await open();
    await store(destination, 'a');
    version('a').retention = { mode: 'COMPLIANCE', until: new Date(Date.now() - 1) };
    expect(await destination.delete(['a'], NEVER)).toEqual([]);
    expect(left()).toEqual([]);
  });

  test('is hidden by a delete marker if it is no evidence', async () => {
    const destination = await open('default retention');
    await store(destination, 'a');
    expect(await destination.hide('a', NEVER)).toBe(true);
    expect(await destination.head('a', NEVER)).toBeNull();
    expect(bucket().versions.filter(({ key }) => key.endsWith('/a'))).toMatchObject([
      { object: expect.anything() },
      { object: null },
    ]);
  });
});

test('a deletion that is denied, and not by a lock, names the IAM action', async () => {
  server = await startS3Server({ versions: true, deniesDeletion: true });
  useS3(server);
  const destination = await openDestination('s3://archive');
  const error = await catchError(destination.check(NEVER));
  expect(error).toBeInstanceOf(ActionRequiredError);
  expect(error.message).toContain('Allow the IAM action s3:DeleteObject ');
});
