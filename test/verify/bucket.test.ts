import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { verifyArchives } from '../../src/app/verify.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { verifyPool } from '../../src/verify/verify-pool.ts';
import { useS3 } from '../archive/destinations.ts';
import { POOL } from '../archive/support.ts';
import { type S3Options, type S3Server, startS3Server } from '../support/s3-server.ts';
import { sha256 as encodeSha256, type StoredS3Object } from '../support/s3-store.ts';
import { everything, named, useSealedArchive } from './support.ts';

const archive = useSealedArchive();

/** A bucket with a copy of the archive. */
async function openCopy(options: S3Options = {}): Promise<{
  server: S3Server;
  objects: Map<string, StoredS3Object>;
  verify: (more?: object) => ReturnType<typeof verifyPool>;
}> {
  const server = await startS3Server({ pageSize: 50, ...options });
  onTestFinished(() => server.close());
  useS3(server);
  const destination = await openDestination('s3://archive/of/pools');
  const { objects } = server.buckets.get('archive') as { objects: Map<string, StoredS3Object> };
  for (const key of archive().keys) {
    const bytes = readFileSync(join(archive().folder, key));
    const stored = { bytes, checksum: encodeSha256(bytes), encryption: undefined };
    objects.set(`of/pools/${key}`, { ...stored, kmsKeyId: undefined });
  }
  const verify = (more: object = {}) =>
    verifyPool(destination, POOL, { ...everything(archive().signer), ...more });
  return { server, objects, verify };
}

const someKey = () => archive().keys.find((key) => key.startsWith('jsonl/users/')) as string;
const operations = ({ requests }: S3Server) =>
  [...new Set(requests.map(({ operation }) => operation))].sort();

test('a copy in a bucket is valid, and is only read, each object once', async () => {
  const { server, verify } = await openCopy();
  const { findings, objects } = await verify();
  expect(findings).toEqual([]);
  expect(operations(server)).toEqual(['GetObject', 'ListObjectVersions', 'ListObjectsV2']);
  const parts = server.requests.filter(({ key }) => /^of\/pools\/(parquet|jsonl)\//.test(key));
  expect(parts).toHaveLength(objects);
});

test('what is outside of pools is found below the prefix alone', async () => {
  const { objects } = await openCopy();
  const stray = 'jsonl/users/part-00000.jsonl.gz';
  const object = objects.get(`of/pools/${someKey()}`) as StoredS3Object;
  for (const key of [`of/pools/${stray}`, 'of/pools/cognito-mirror-check', stray, 'of/csv/a']) {
    objects.set(key, object);
  }
  const archive = 's3://archive/of/pools';
  const { pools, outside } = await verifyArchives({ archive, content: 'structure' });
  expect(pools).toMatchObject([{ poolId: POOL, findings: [] }]);
  expect(outside).toMatchObject([{ url: archive, findings: [{ code: 'extra', key: stray }] }]);
});

test('the structure is checked without reading an object, by the checksums of S3', async () => {
  const { server, objects, verify } = await openCopy();
  const key = `of/pools/${someKey()}`;
  const { bytes, ...rest } = objects.get(key) as StoredS3Object;
  const altered = Buffer.from(bytes).fill(0, 20, 21);
  expect((await verify({ content: 'structure' })).findings).toEqual([]);
  const read = server.requests.filter(({ operation }) => operation === 'GetObject');
  expect(read.every((request) => request.key.includes('/manifests/'))).toBe(true);
  objects.set(key, { ...rest, bytes: altered, checksum: encodeSha256(altered) });
  const { findings } = await verify({ content: 'structure' });
  expect(named(findings)).toEqual([['altered', someKey()]]);
});

test('a checksum of another form is compared by reading the object', async () => {
  const { objects, verify } = await openCopy();
  const key = `of/pools/${someKey()}`;
  const object = objects.get(key) as StoredS3Object;
  objects.set(key, { ...object, checksum: encodeSha256(Buffer.from('a hash of hashes')) });
  expect((await verify({ content: 'structure' })).findings).toEqual([]);
});

test('an object whose response breaks off is read again', async () => {
  const { server, verify } = await openCopy();
  let cuts = 0;
  server.fault = ({ operation, key }) => {
    if (operation !== 'GetObject' || !key.endsWith(someKey()) || cuts === 2) return null;
    cuts += 1;
    return 'cut body';
  };
  expect((await verify()).findings).toEqual([]);
  expect(cuts).toBe(2);
});
