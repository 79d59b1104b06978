import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Destination, ProtectedObject } from '../../src/archive/destination.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { describeFile } from '../../src/archive/read-object.ts';
import { ActionRequiredError, ResumableError } from '../../src/model/errors.ts';
import { folderForEach } from '../support/folder-for-each.ts';
import { type S3Options, type S3Server, startS3Server } from '../support/s3-server.ts';
import { useS3 } from './destinations.ts';
import { catchError, contentOf, NEVER, pool } from './support.ts';
import { useWorkFolder } from './work-folder.ts';

const MULTIPART = 20_000_000;
const { archive } = useWorkFolder();

let server: S3Server;
const local = folderForEach();
afterEach(() => server.close());

/** Opens an archive on a server with these deviations from S3. */
async function open(options: S3Options): Promise<Destination> {
  server = await startS3Server(options);
  useS3(server);
  return openDestination('s3://archive/of/pools');
}

async function file(length: number) {
  await writeFile(`${local()}/file`, randomBytes(length));
  return describeFile(`${local()}/file`);
}

const bucket = () => {
  const found = server.buckets.get('archive');
  if (!found) throw new Error('no bucket');
  return found;
};
const LEFTOVER =
  'jsonl/users/pool_id=us-east-1_Ab12Cd34/snapshot=20261120T020000Z/part-00009.jsonl.gz';
const LOCK = 'locks/pool_id=us-east-1_Ab12Cd34/20261120T020000Z.json';
const count = (operation: string) =>
  server.requests.filter((request) => request.operation === operation).length;

describe.each<[string, S3Options, readonly [small: number, large: number]]>([
  ["S3's own checksums", {}, [0, 0]],
  ['the checksum of the whole object', { checksums: 'of the whole' }, [0, 0]],
  ['a composite checksum without the count', { checksums: 'without count' }, [0, 1]],
  ['no checksums', { checksums: false }, [1, 1]],
  ['no checksum headers', { checksums: 'refused' }, [1, 1]],
])('a server with %s', (_, options, [small, large]) => {
  test('stores objects and reads them back only if their checksum is unknown', async () => {
    const destination = await open(options);
    await destination.check(NEVER);
    for (const [length, reads] of [
      [1_000, small],
      [MULTIPART, large],
    ] as const) {
      const before = count('GetObject');
      await destination.put('file', await file(length), NEVER);
      expect(count('GetObject') - before).toBe(reads);
      expect(bucket().objects.get('of/pools/file')?.bytes).toHaveLength(length);
    }
  });

  test('is detected when it stores other bytes', async () => {
    const destination = await open(options);
    await destination.check(NEVER);
    server.fault = ({ operation }) => (operation === 'PutObject' ? 'other bytes' : null);
    const error = await catchError(destination.put('file', await file(1_000), NEVER));
    expect(error).toBeInstanceOf(ResumableError);
    expect(error.message).toContain('stored other bytes');
    expect(bucket().objects.size).toBe(0);
  });

  test('stores a complete archive', async () => {
    const destination = await open(options);
    await destination.check(NEVER);
    await archive(destination, pool(5));
    expect([...(await contentOf(destination)).keys()]).toHaveLength(7);
    expect(bucket().objects.size).toBe(7);
  });
});

test('a server that requires Content-MD5 for DeleteObjects gets it', async () => {
  const destination = await open({ deletesByMd5: true });
  await destination.check(NEVER);
  await destination.put('a', await file(10), NEVER);
  expect(await destination.delete(['a', 'b'], NEVER)).toEqual([]);
  expect(bucket().objects.size).toBe(0);
});

describe('a bucket with Object Lock and default retention', () => {
  test('stores small objects, large objects and an archive', async () => {
    const destination = await open({ versions: 'default retention' });
    await destination.check(NEVER);
    await destination.put('small', await file(1_000), NEVER);
    await destination.put('large', await file(MULTIPART), NEVER);
    await archive(destination, pool(5));
    expect([...(await contentOf(destination)).keys()]).toHaveLength(7);
  });

  test('keeps leftovers visible, and reports until when they are retained', async () => {
    const destination = await open({ versions: 'default retention' });
    await destination.check(NEVER);
    await destination.put(LEFTOVER, await file(10), NEVER);
    const until = bucket().version(`of/pools/${LEFTOVER}`)?.retention?.until;
    const left: ProtectedObject[] = [];
    await archive(destination, pool(5), { onProtected: (objects) => left.push(...objects) });
    expect(left).toEqual([{ key: LEFTOVER, until, isHeld: false }]);
    expect(await destination.head(LEFTOVER, NEVER)).toMatchObject({ bytes: 10 });
    // Hidden by a delete marker, as others must not find it.
    expect(await destination.head(LOCK, NEVER)).toBeNull();
    expect(bucket().versions.filter(({ key }) => key.endsWith(LOCK))).toHaveLength(2);
  });

  test('on a server that adds no delete marker, the lock stays too, and is reported', async () => {
    const destination = await open({ versions: 'no deletion' });
    await destination.check(NEVER);
    const left: ProtectedObject[] = [];
    await archive(destination, pool(5), { onProtected: (objects) => left.push(...objects) });
    expect(left).toEqual([{ key: LOCK, until: null, isHeld: false }]);
    expect([...(await contentOf(destination)).keys()].join()).toContain('manifests/');
  });
});

describe('a server that does not obey If-None-Match', () => {
  test.each(['ignored', 'refused'] as const)(
    '(%s) is detected and can be used',
    async (conditions) => {
      const destination = await open({ conditions });
      await destination.check(NEVER);
      expect(bucket().objects.size).toBe(0);
      const first = await file(10);
      expect(await destination.create('a', first, NEVER)).toBe(true);
      expect(await destination.create('a', await file(11), NEVER)).toBe(false);
      expect(bucket().objects.get('of/pools/a')?.bytes).toHaveLength(10);
    },
  );
});

test('a server without multipart uploads is detected at the start', async () => {
  const destination = await open({ multipart: false });
  const error = await catchError(destination.check(NEVER));
  expect(error).toBeInstanceOf(ActionRequiredError);
  expect(error.message).toBe(
    'ARCHIVE_URL: the server of the bucket archive does not support the call CreateMultipartUpload (MethodNotAllowed, HTTP 405). Set ARCHIVE_URL to a bucket on a server that supports it, or to a folder: file:///folder.',
  );
});
