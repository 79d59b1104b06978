import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import type { LockMode } from '../../model/object-lock.ts';
import type { Bucket } from './bucket.ts';
import { createDeletionError, deleteObjects, isRetained } from './delete.ts';
import { requireObjectLock, tryLock } from './locks.ts';
import { explainCheckError, getHttpStatus } from './s3-errors.ts';
import { putIfAbsent, putWhole, startUpload, uploadPart } from './upload.ts';

/** The key, below the prefix, of the object that the check writes. */
const KEY = 'cognito-mirror-check';
const BODY = Buffer.from(
  'cognito-mirror wrote this object to check that it can write the archive.\n',
);
const CHECKSUM = createHash('sha256').update(BODY).digest('base64');

/** The time limit to remove the object or upload of an interrupted check. */
const CLEAN_UP_MS = 1_000;
/** Attempts after the check of another process removed the object. */
const ATTEMPTS = 20;
/** Attempts after a 403, which a missing object and a missing permission both give. */
const ATTEMPTS_IF_DENIED = 5;
const ATTEMPT_MS = 300;
/** Writes over its own object before the check concludes that the server ignores conditions. */
const OVERWRITES = 3;

/**
 * Makes every request that an archive makes, with the same headers, and detects which forms the
 * server accepts. It aborts a multipart upload, then writes a small object on condition, reads and
 * deletes it, with its version. Where Object Lock retains the object, it stays for the next check.
 *
 * @param lockMode null: objects need no lock.
 * @throws ActionRequiredError or ResumableError that names the call.
 */
export async function checkBucket(
  bucket: Bucket,
  lockMode: LockMode | null,
  signal: AbortSignal,
): Promise<void> {
  const { client, name: Bucket, prefix: Prefix } = bucket;
  const list = new ListObjectsV2Command({ Bucket, Prefix, MaxKeys: 1 });
  const uploads = ['PutObjectCommand', 'CreateMultipartUploadCommand', 'UploadPartCommand'];
  try {
    await client.send(list, { abortSignal: signal });
    if (lockMode !== null) await requireObjectLock(bucket, { abortSignal: signal });
    await retryWithMd5(bucket, uploads, () => checkUpload(bucket, signal));
    await checkObject(bucket, lockMode, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw explainCheckError(error, bucket);
  }
}

async function checkUpload(bucket: Bucket, signal: AbortSignal): Promise<void> {
  const Key = bucket.prefix + KEY;
  const options = { abortSignal: signal };
  const { UploadId } = await startUpload(bucket, Key, signal);
  const command = new AbortMultipartUploadCommand({ Bucket: bucket.name, Key, UploadId });
  // With its own time limit: an interrupted run must not leave the upload.
  const abort = () =>
    bucket.client.send(command, { abortSignal: AbortSignal.timeout(CLEAN_UP_MS) });
  try {
    const part = { UploadId, PartNumber: 1, ChecksumSHA256: CHECKSUM };
    await uploadPart(bucket, Key, part, BODY, options);
  } catch (error) {
    await abort().catch(() => {});
    throw error;
  }
  await abort();
}

async function checkObject(
  bucket: Bucket,
  lockMode: LockMode | null,
  signal: AbortSignal,
): Promise<void> {
  const { client, name: Bucket } = bucket;
  const Key = bucket.prefix + KEY;
  const options = { abortSignal: signal };
  for (let attempt = 1; ; attempt += 1) {
    await detectConditions(bucket, Key, options).catch(async (error: unknown) => {
      // The object may be stored although its answer was not awaited.
      if (signal.aborted) await cleanUp(bucket, Key);
      throw error;
    });
    try {
      const head = new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' });
      const { VersionId, ServerSideEncryption } = await client.send(head, options);
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }), options);
      await Body?.transformToByteArray();
      bucket.keepsVersions = VersionId !== undefined;
      bucket.trialEncryption = ServerSideEncryption ?? null;
      if (lockMode !== null) await tryLock(bucket, { Key, VersionId }, lockMode, options);
      return await checkDelete(bucket, Key, options);
    } catch (error) {
      const status = getHttpStatus(error);
      const attempts = status === 404 ? ATTEMPTS : status === 403 ? ATTEMPTS_IF_DENIED : 1;
      // Another process that starts now removed the object. S3 answers 403 for a missing object if
      // the right to list is limited to a prefix.
      if (attempt >= attempts) {
        await cleanUp(bucket, Key);
        throw error;
      }
      await delay(Math.random() * ATTEMPT_MS, undefined, { signal });
    }
  }
}

/** Writes the object on condition and detects whether the server obeys the condition. */
async function detectConditions(
  bucket: Bucket,
  key: string,
  options: { abortSignal: AbortSignal },
): Promise<void> {
  const put = () => putIfAbsent(bucket, key, BODY, CHECKSUM, options);
  try {
    if ((await put()) === null || bucket.ignoresConditions) return;
    // One such write proves nothing: the check of another process may have deleted the object.
    for (let overwrite = 1; overwrite <= OVERWRITES; overwrite += 1) {
      if ((await put()) === null) return;
    }
    bucket.ignoresConditions = true;
  } catch (rejection) {
    if (!isRejection(rejection)) throw rejection;
    // The server may reject only the condition.
    await putWhole(bucket, key, BODY, CHECKSUM, options).catch(() => Promise.reject(rejection));
    bucket.ignoresConditions = true;
  }
}

/**
 * Deletes the object. A bucket with versions gets two requests: one without a version, with a condition
 * that the object does not meet, so that S3 checks the permission and adds no delete marker; and one
 * that deletes the version.
 */
async function checkDelete(
  bucket: Bucket,
  key: string,
  options: { abortSignal: AbortSignal },
): Promise<void> {
  const unmet = bucket.keepsVersions ? { ETag: '"0"' } : {};
  const command = () =>
    new DeleteObjectsCommand({
      Bucket: bucket.name,
      Delete: { Objects: [{ Key: key, ...unmet }], Quiet: true },
    });
  await retryWithMd5(bucket, ['DeleteObjectsCommand'], async () => {
    const { Errors = [] } = await bucket.client.send(command(), options);
    const denied = Errors.find(({ Code }) => Code === 'AccessDenied');
    if (denied && !isRetained(denied)) throw createDeletionError(denied);
  });
  if (bucket.keepsVersions) await deleteObjects(bucket, [key], options);
}

/** Removes the object of a failed check. */
async function cleanUp(bucket: Bucket, key: string): Promise<void> {
  const options = { abortSignal: AbortSignal.timeout(CLEAN_UP_MS) };
  // The check may not have found out yet whether the bucket keeps versions.
  const head = new HeadObjectCommand({ Bucket: bucket.name, Key: key });
  const stored = await bucket.client.send(head, options).catch(() => null);
  if (stored?.VersionId !== undefined) bucket.keepsVersions = true;
  await deleteObjects(bucket, [key], options).catch(() => {});
}

/**
 * Runs `calls`. If the server rejects them, runs them again with Content-MD5 instead of checksums,
 * which older servers do not support. The form that works is kept for the named commands.
 *
 * @throws the first rejection if the second run fails too.
 */
async function retryWithMd5(
  { md5Calls }: Bucket,
  names: readonly string[],
  calls: () => Promise<void>,
): Promise<void> {
  try {
    await calls();
  } catch (rejection) {
    if (!isRejection(rejection)) throw rejection;
    for (const name of names) md5Calls.add(name);
    try {
      await calls();
    } catch {
      for (const name of names) md5Calls.delete(name);
      throw rejection;
    }
  }
}

/** Returns true if the server may support the call, but not its headers. */
function isRejection(error: unknown): boolean {
  const status = getHttpStatus(error);
  return status === 400 || status === 501;
}
