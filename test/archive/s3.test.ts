import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDestination } from '../../src/archive/open-destination.ts';
import { writeArchive } from '../../src/archive/write-archive.ts';
import { ActionRequiredError, ResumableError } from '../../src/model/errors.ts';
import { type S3Fault, type S3Server, startS3Server } from '../support/s3-server.ts';
import { bucketForEach } from './bucket-for-each.ts';
import { openBucket, useS3 } from './destinations.ts';
import { catchError, contentOf, NEVER, optionsWith, pool, requestFor, rowsOf } from './support.ts';

const MULTIPART = 20_000_000;

const { backend, file, bucket, failing } = bucketForEach();

describe('uploads', () => {
  test('a small file is uploaded in one request, a large file in parts', async () => {
    await backend().destination.put('small', await file(1_000), NEVER);
    await backend().destination.put('large', await file(MULTIPART), NEVER);
    expect(backend().server.requests.map(({ operation }) => operation)).toEqual([
      'PutObject',
      'HeadObject',
      'CreateMultipartUpload',
      'UploadPart',
      'UploadPart',
      'UploadPart',
      'CompleteMultipartUpload',
      'HeadObject',
    ]);
    expect(bucket().objects.get('of/pools/large')?.checksum).toMatch(/-3$/);
    expect(bucket().uploads.size).toBe(0);
  });

  test.each(['SlowDown', 'InternalError', 'cut'] as const)(
    'are retried after %s',
    async (fault) => {
      for (const operation of ['PutObject', 'UploadPart', 'CreateMultipartUpload', 'HeadObject']) {
        failing(operation, fault);
        const sent = await file(operation === 'PutObject' ? 1_000 : MULTIPART);
        await backend().destination.put(operation, sent, NEVER);
        expect(bucket().objects.get(`of/pools/${operation}`)?.bytes.length).toBe(sent.bytes);
      }
    },
  );

  test('that keep failing throw a resumable error and leave no upload', async () => {
    failing('UploadPart', 'InternalError', Number.POSITIVE_INFINITY);
    const error = await catchError(
      backend().destination.put('large', await file(MULTIPART), NEVER),
    );
    expect(error).toBeInstanceOf(ResumableError);
    expect(error.message).toContain(
      'The call UploadPart on the bucket archive failed (InternalError, HTTP 500)',
    );
    expect(bucket().uploads.size).toBe(0);
    expect(bucket().objects.size).toBe(0);
  });

  test.each(['CreateMultipartUpload', 'UploadPart'])(
    'that are aborted at %s leave no upload',
    async (operation) => {
      const sent = await file(MULTIPART);
      const attempts = [
        (signal: AbortSignal) => backend().destination.put('large', sent, signal),
        (signal: AbortSignal) => backend().destination.check(signal),
      ];
      for (const attempt of attempts) {
        const abort = new AbortController();
        backend().server.fault = (request) => {
          if (request.operation === operation) abort.abort(new Error('stopped by a person'));
          return null;
        };
        expect((await catchError(attempt(abort.signal))).message).toBe('stopped by a person');
        expect(bucket().uploads.size).toBe(0);
        expect(bucket().objects.size).toBe(0);
      }
    },
  );

  test.each([1_000, MULTIPART])('of %d bytes that were damaged are detected', async (length) => {
    const operation = length === MULTIPART ? 'UploadPart' : 'PutObject';
    failing(operation, 'other bytes');
    const error = await catchError(backend().destination.put('file', await file(length), NEVER));
    expect(error).toBeInstanceOf(ResumableError);
    expect(bucket().uploads.size).toBe(0);
  });

  describe('to a server without checksums', () => {
    let server: S3Server;
    beforeEach(async () => {
      server = await startS3Server({ checksums: false });
      useS3(server);
    });
    afterEach(() => server.close());

    test.each([1_000, MULTIPART])('of %d bytes succeed', async (length) => {
      const plain = await openDestination('s3://archive');
      await plain.put('file', await file(length), NEVER);
      expect(server.buckets.get('archive')?.objects.get('file')?.bytes).toHaveLength(length);
    });

    test.each<S3Fault>(['other bytes', 'fewer bytes'])(
      'of which %s are stored are detected',
      async (fault) => {
        const plain = await openDestination('s3://archive');
        server.fault = ({ operation }) => (operation === 'PutObject' ? fault : null);
        const error = await catchError(plain.put('file', await file(1_000), NEVER));
        expect(error).toBeInstanceOf(ResumableError);
        expect(error.message).toContain('stored other bytes');
        expect(server.buckets.get('archive')?.objects.size).toBe(0);
      },
    );

    test('that cannot be read back throw a resumable error', async () => {
      const plain = await openDestination('s3://archive');
      server.fault = ({ operation }) => (operation === 'GetObject' ? 'cut body' : null);
      const error = await catchError(plain.put('file', await file(1_000), NEVER));
      expect(error).toBeInstanceOf(ResumableError);
      expect(error.message).toContain('reading file failed before its end');
    });
  });

  test('are encrypted with the configured KMS key, or else by the default of the bucket', async () => {
    const kms = await openDestination('s3://archive/kms', { kmsKeyId: 'alias/archive' });
    await kms.check(NEVER);
    for (const length of [10, MULTIPART]) {
      const sent = await file(length);
      await kms.put('file', sent, NEVER);
      expect(bucket().objects.get('kms/file')).toMatchObject({
        encryption: 'aws:kms',
        kmsKeyId: 'alias/archive',
      });
      await backend().destination.put('file', sent, NEVER);
      expect(bucket().objects.get('of/pools/file')?.encryption).toBeUndefined();
    }
  });
});

describe('storage class and encryption', () => {
  const datasets = pool(5);
  const stored = (prefix: string) =>
    [...bucket().objects]
      .filter(([key]) => key.startsWith(`own/${prefix}`))
      .map(([, each]) => each);

  test('hold for parts of any size, and the encryption for everything', async () => {
    const own = await openDestination('s3://archive/own', {
      storageClass: 'STANDARD_IA',
      encryption: 'AES256',
    });
    await own.check(NEVER);
    await writeArchive(own, requestFor(datasets), rowsOf(datasets), optionsWith());
    await own.put('parquet/large', await file(MULTIPART), NEVER);
    const parts = [...stored('parquet/'), ...stored('jsonl/')];
    expect(parts).toHaveLength(7);
    for (const each of parts) {
      expect(each).toMatchObject({ storageClass: 'STANDARD_IA', encryption: 'AES256' });
    }
    const [manifest] = stored('manifests/');
    expect(manifest).toMatchObject({ encryption: 'AES256' });
    expect(manifest?.storageClass).toBeUndefined();
  });

  test('can be a key that KMS has for S3', async () => {
    const own = await openDestination('s3://archive/own', { encryption: 'aws:kms' });
    await own.put('a', await file(10), NEVER);
    expect(stored('a')).toMatchObject([{ encryption: 'aws:kms', kmsKeyId: undefined }]);
  });

  test.each<[S3Fault, string]>([
    [
      'InvalidStorageClass',
      'ARCHIVE_STORAGE_CLASS: the server of the bucket archive does not have this storage class. Set another one, or unset it.',
    ],
    [
      'KMS.DisabledException',
      'ARCHIVE_KMS_KEY_ID: KMS rejected the key alias/own (KMS.DisabledException). Enable the key, or cancel its deletion.',
    ],
    [
      'key denied',
      'ARCHIVE_KMS_KEY_ID: access to the key alias/own is denied. Allow the IAM action kms:GenerateDataKey on it, in the policies of the identity and of the key. An archive needs kms:GenerateDataKey and kms:Decrypt.',
    ],
  ])('that fail with %s are reported at the start', async (fault, message) => {
    const own = await openDestination('s3://archive/own', {
      storageClass: 'ONEZONE_IA',
      kmsKeyId: 'alias/own',
    });
    failing('CreateMultipartUpload', fault, Number.POSITIVE_INFINITY);
    expect((await catchError(own.check(NEVER))).message).toBe(message);
  });

  test('by the default key of a bucket that denies it names that key', async () => {
    failing('CreateMultipartUpload', 'key denied');
    const { message } = await catchError(backend().destination.check(NEVER));
    expect(message).toContain('the key arn:aws:kms:us-east-1:111122223333:key/1234abcd is denied');
  });
});

describe('an archive', () => {
  const datasets = pool(5);
  const archive = () =>
    writeArchive(backend().destination, requestFor(datasets), rowsOf(datasets), optionsWith());

  test('with a damaged part gets its manifest only from the next run', async () => {
    let puts = 0;
    backend().server.fault = ({ operation }) =>
      operation === 'PutObject' && ++puts === 4 ? 'other bytes' : null;
    expect(await catchError(archive())).toBeInstanceOf(ResumableError);
    expect([...(await contentOf(backend().destination)).keys()].join()).not.toContain('manifest');
    await archive();
    expect([...(await contentOf(backend().destination)).keys()].join()).toContain('manifest');
  });

  test('has the same bytes whatever requests were retried', async () => {
    let count = 0;
    const faults: S3Fault[] = ['SlowDown', 'cut', 'InternalError'];
    backend().server.fault = () => (++count % 4 === 0 ? (faults[count % 3] ?? null) : null);
    await archive();
    backend().server.fault = () => null;
    const disturbed = await contentOf(backend().destination);
    const other = await openBucket();
    await writeArchive(other.destination, requestFor(datasets), rowsOf(datasets), optionsWith());
    expect(await contentOf(other.destination)).toEqual(disturbed);
    await other.close();
  });
});

test('a denied call during a run names its IAM action', async () => {
  failing('DeleteObjects', 'AccessDenied');
  const error = await catchError(backend().destination.delete(['a'], NEVER));
  expect(error).toBeInstanceOf(ActionRequiredError);
  expect(error.message).toContain('s3:DeleteObject');
});
