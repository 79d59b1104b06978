import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import type { Bucket } from './bucket.ts';
import { isLocked, refusedDeletion } from './deletion.ts';
import { explainTrialError, getHttpStatus } from './s3-errors.ts';
import { beginUpload, putIfNone, putWhole, uploadPart } from './upload.ts';

/** The key below the prefix of the object that the trial writes. */
const KEY = 'cognito-mirror-check';
const BODY = Buffer.from('cognito-mirror checks here whether it can write the archive.\n');
const CHECKSUM = createHash('sha256').update(BODY).digest('base64');

/** How long an interrupted trial takes to remove what it has begun. */
const CLEAN_UP_MS = 1_000;
/** How often the trial begins again where another process's trial removed its object. */
const ATTEMPTS = 5;
const ATTEMPT_MS = 300;
/** How many writes over its own object the trial makes before it decides that conditions are ignored. */
const OVERWRITES = 3;

/**
 * Makes every request that an archive makes, with the same headers, and finds which forms of them
 * the server takes: an upload in parts, which is aborted, then a small object, which is written on
 * condition, read and deleted. In a bucket that keeps versions that object stays, once and for all:
 * there, a deletion would add a delete marker at each start.
 *
 * @throws ConfigurationError or ResumableError that names the call.
 */
export async function tryBucket(bucket: Bucket, signal: AbortSignal): Promise<void> {
  const { client, name: Bucket, prefix: Prefix } = bucket;
  const list = new ListObjectsV2Command({ Bucket, Prefix, MaxKeys: 1 });
  const uploads = ['PutObjectCommand', 'CreateMultipartUploadCommand', 'UploadPartCommand'];
  try {
    await client.send(list, { abortSignal: signal });
    await withMd5WhereRefused(bucket, uploads, () => tryUpload(bucket, signal));
    await tryObject(bucket, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw explainTrialError(error, bucket.name);
  }
}

async function tryUpload(bucket: Bucket, signal: AbortSignal): Promise<void> {
  const Key = bucket.prefix + KEY;
  const options = { abortSignal: signal };
  const { UploadId } = await beginUpload(bucket, Key, options);
  const command = new AbortMultipartUploadCommand({ Bucket: bucket.name, Key, UploadId });
  // Also where the run is interrupted meanwhile: the upload would stay.
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

/** Writes, reads and deletes an object. */
async function tryObject(bucket: Bucket, signal: AbortSignal): Promise<void> {
  const { client, name: Bucket } = bucket;
  const Key = bucket.prefix + KEY;
  const options = { abortSignal: signal };
  for (let attempt = 1; ; attempt += 1) {
    await tryConditions(bucket, Key, options);
    try {
      const head = new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' });
      const { VersionId } = await client.send(head, options);
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }), options);
      await Body?.transformToByteArray();
      return await tryDelete(bucket, Key, VersionId !== undefined, options);
    } catch (error) {
      const status = getHttpStatus(error);
      // Gone: another process that starts now removed it. S3 answers 403 to that as well, where
      // the right to list is bound to a prefix.
      if ((status !== 403 && status !== 404) || attempt === ATTEMPTS) {
        await deleteQuietly(bucket, Key);
        throw error;
      }
      await delay(Math.random() * ATTEMPT_MS, undefined, { signal });
    }
  }
}

/** Writes the object on condition, and sees whether the server holds to it. */
async function tryConditions(
  bucket: Bucket,
  key: string,
  options: { abortSignal: AbortSignal },
): Promise<void> {
  const put = () => putIfNone(bucket, key, BODY, CHECKSUM, options);
  try {
    if (!(await put()) || bucket.ignoresConditions) return;
    // One such write proves nothing: the trial of another process may have deleted the object.
    for (let overwrite = 1; overwrite <= OVERWRITES; overwrite += 1) {
      if (!(await put())) return;
    }
    bucket.ignoresConditions = true;
  } catch (refusal) {
    if (!isRefusal(refusal)) throw refusal;
    // The condition may be what it refuses.
    await putWhole(bucket, key, BODY, CHECKSUM, options).catch(() => Promise.reject(refusal));
    bucket.ignoresConditions = true;
  }
}

/**
 * Deletes the object. In a bucket that keeps versions, on a condition that it does not meet: S3 then
 * checks the right to delete and keeps the object.
 */
async function tryDelete(
  bucket: Bucket,
  key: string,
  keepsVersions: boolean,
  options: { abortSignal: AbortSignal },
): Promise<void> {
  const unmet = keepsVersions ? { ETag: '"0"' } : {};
  const command = () =>
    new DeleteObjectsCommand({
      Bucket: bucket.name,
      Delete: { Objects: [{ Key: key, ...unmet }], Quiet: true },
    });
  await withMd5WhereRefused(bucket, ['DeleteObjectsCommand'], async () => {
    const { Errors = [] } = await bucket.client.send(command(), options);
    const denied = Errors.find(({ Code }) => Code === 'AccessDenied');
    if (denied && !isLocked(denied)) throw refusedDeletion(denied);
  });
}

/** Removes the object of a trial that failed, where a deletion leaves nothing. */
async function deleteQuietly(bucket: Bucket, key: string): Promise<void> {
  const target = { Bucket: bucket.name, Key: key };
  const options = { abortSignal: AbortSignal.timeout(CLEAN_UP_MS) };
  const found = await bucket.client.send(new HeadObjectCommand(target), options).catch(() => null);
  if (found?.VersionId !== undefined) return;
  const Delete = { Objects: [{ Key: key }], Quiet: true };
  await bucket.client
    .send(new DeleteObjectsCommand({ Bucket: bucket.name, Delete }), options)
    .catch(() => {});
}

/**
 * Runs `calls`; where the server refuses them, once more with Content-MD5 in place of checksums,
 * which older servers do not know. What works is kept for the commands that are named.
 *
 * @throws the first refusal where the second run fails as well.
 */
async function withMd5WhereRefused(
  { md5Calls }: Bucket,
  names: readonly string[],
  calls: () => Promise<void>,
): Promise<void> {
  try {
    await calls();
  } catch (refusal) {
    if (!isRefusal(refusal)) throw refusal;
    for (const name of names) md5Calls.add(name);
    try {
      await calls();
    } catch {
      for (const name of names) md5Calls.delete(name);
      throw refusal;
    }
  }
}

/** True where the server may know the call, and not the form in which it was made. */
function isRefusal(error: unknown): boolean {
  const status = getHttpStatus(error);
  return status === 400 || status === 501;
}
