import { describe, expect, test } from 'vitest';
import { openDestination } from '../../src/archive/open-destination.ts';
import { ActionRequiredError, ResumableError } from '../../src/model/errors.ts';
import { startS3Server } from '../support/s3-server.ts';
import { bucketForEach } from './bucket-for-each.ts';
import { useS3 } from './destinations.ts';
import { catchError, NEVER } from './support.ts';

const { backend, file, bucket, failing } = bucketForEach();

describe('a check', () => {
  test.each([
    ['ListObjectsV2', 's3:ListBucket'],
    ['CreateMultipartUpload', 's3:PutObject'],
    ['UploadPart', 's3:PutObject'],
    ['AbortMultipartUpload', 's3:AbortMultipartUpload'],
    ['PutObject', 's3:PutObject'],
    ['HeadObject', 's3:GetObject'],
    ['GetObject', 's3:GetObject'],
    ['DeleteObjects', 's3:DeleteObject'],
  ])('names the call and the IAM action if %s is denied', async (operation, action) => {
    failing(operation, 'AccessDenied', Number.POSITIVE_INFINITY);
    const error = await catchError(backend().destination.check(NEVER));
    expect(error).toBeInstanceOf(ActionRequiredError);
    expect(error.message).toContain(`is denied for the call ${operation}.`);
    expect(error.message).toContain(`Allow the IAM action ${action}`);
  });

  test('detects a denied deletion in the list of refused objects', async () => {
    const server = await startS3Server({ deniesDeletion: true });
    useS3(server);
    const error = await catchError((await openDestination('s3://archive')).check(NEVER));
    expect(error).toBeInstanceOf(ActionRequiredError);
    expect(error.message).toContain('Allow the IAM action s3:DeleteObject');
    await server.close();
  });

  test.each(['SlowDown', 'InternalError'] as const)(
    'that fails with %s can be run again',
    async (fault) => {
      failing('PutObject', fault, Number.POSITIVE_INFINITY);
      const error = await catchError(backend().destination.check(NEVER));
      expect(error).toBeInstanceOf(ResumableError);
      expect(error.message).toContain(`The call PutObject on the bucket archive failed (${fault},`);
    },
  );

  test('does not conclude from the deletion by another process that conditions are ignored', async () => {
    const { destination, server } = backend();
    let writes = 0;
    server.after = ({ operation, key }) => {
      if (operation === 'PutObject' && ++writes <= 2) bucket().objects.delete(key);
      return null;
    };
    await destination.check(NEVER);
    expect(writes).toBeGreaterThan(2);
    const before = server.requests.length;
    expect(await destination.create('a', await file(10), NEVER)).toBe(true);
    expect(await destination.create('a', await file(11), NEVER)).toBe(false);
    const made = server.requests.slice(before).map(({ operation }) => operation);
    expect(made).not.toContain('ListObjectsV2');
  });

  test('passes in several processes at once and leaves nothing', async () => {
    const checks = Array.from({ length: 8 }, async () => {
      const destination = await openDestination('s3://archive/of/pools');
      for (let i = 0; i < 3; i += 1) await destination.check(NEVER);
    });
    await Promise.all(checks);
    expect(bucket().objects.size + bucket().uploads.size).toBe(0);
  });

  test('leaves nothing in a bucket with versions', async () => {
    const server = await startS3Server({ versions: true });
    useS3(server);
    const destination = await openDestination('s3://archive/of/pools');
    for (let i = 0; i < 3; i += 1) await destination.check(NEVER);
    expect(server.buckets.get('archive')?.versions).toEqual([]);
    await server.close();
  });

  test('leaves one object in a bucket that retains it, however often it runs', async () => {
    const server = await startS3Server({ versions: 'default retention' });
    useS3(server);
    const destination = await openDestination('s3://archive/of/pools');
    for (let i = 0; i < 3; i += 1) await destination.check(NEVER);
    expect(server.buckets.get('archive')?.versions).toMatchObject([
      { key: 'of/pools/cognito-mirror-check', object: expect.anything() },
    ]);
    await server.close();
  });

  test.each([
    ['ListObjectVersions', 's3:ListBucketVersions'],
    ['DeleteObjects', 's3:DeleteObject'],
  ])(
    'of a bucket with versions names the IAM action if %s is denied',
    async (operation, action) => {
      const server = await startS3Server({ versions: true });
      useS3(server);
      server.fault = (request) => (request.operation === operation ? 'AccessDenied' : null);
      const error = await catchError((await openDestination('s3://archive')).check(NEVER));
      expect(error).toBeInstanceOf(ActionRequiredError);
      expect(error.message).toContain(`Allow the IAM action ${action} `);
      await server.close();
    },
  );

  test('reports a bucket that does not exist', async () => {
    const missing = await openDestination('s3://missing');
    const error = await catchError(missing.check(NEVER));
    expect(error).toBeInstanceOf(ActionRequiredError);
    expect(error.message).toBe(
      'ARCHIVE_URL: the bucket missing does not exist. Create the bucket, or set ARCHIVE_URL to an existing one.',
    );
  });

  test('reports the Region of a bucket in another Region', async () => {
    const server = await startS3Server({ buckets: { european: 'eu-west-1' } });
    useS3(server);
    const error = await catchError((await openDestination('s3://european')).check(NEVER));
    expect(error).toBeInstanceOf(ActionRequiredError);
    expect(error.message).toContain('is in eu-west-1. Set AWS_REGION to eu-west-1.');
    await server.close();
  });

  test('reports an unreachable server', async () => {
    const server = await startS3Server();
    useS3(server);
    const destination = await openDestination('s3://archive');
    await server.close();
    const error = await catchError(destination.check(NEVER));
    expect(error).toBeInstanceOf(ActionRequiredError);
    expect(error.message).toContain('cannot be reached (ECONNREFUSED)');
  });

  test('leaves nothing in the bucket', async () => {
    await backend().destination.check(NEVER);
    expect(bucket().objects.size + bucket().uploads.size).toBe(0);
  });

  test('leaves no upload when it is interrupted', async () => {
    const abort = new AbortController();
    let times = 0;
    backend().server.fault = ({ operation }) => {
      if (operation !== 'AbortMultipartUpload' || ++times > 1) return null;
      abort.abort(new Error('stopped by a person'));
      return 'SlowDown';
    };
    // It may throw the reason or have ended by then.
    await backend()
      .destination.check(abort.signal)
      .catch(() => {});
    expect(times).toBe(2);
    expect(bucket().uploads.size).toBe(0);
  });
});
