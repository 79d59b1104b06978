import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandOutput,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { ResumableError } from '../../model/errors.ts';
import type { StorageClass } from '../../model/object-storage.ts';
import type { LocalFile } from '../destination.ts';
import { type Bucket, getEncryption, getStorageClass } from './bucket.ts';
import { getHttpStatus } from './s3-errors.ts';

/** Bytes of a part, and the most of one request. S3 accepts 10,000 parts. */
const PART_BYTES = 8 * 1024 * 1024;
/** Parts that are sent at the same time. Each is held in memory. */
const PARALLEL_PARTS = 3;

/** An object that was just stored. */
export interface StoredUpload {
  /**
   * The checksum that S3 computes for the object, in base64. For a multipart upload it is the hash of
   * the parts' hashes, a dash and the number of parts.
   */
  readonly checksum: string;
  /** The id of its version, in a bucket that keeps versions. */
  readonly versionId: string | undefined;
}

/**
 * Stores a file in S3, in one request or in parts, in the storage class of parts. Each request carries the SHA-256 of its bytes, so
 * S3 rejects damaged ones. A failed multipart upload is aborted, because its parts cost money.
 */
export async function upload(
  bucket: Bucket,
  key: string,
  file: LocalFile,
  signal: AbortSignal,
): Promise<StoredUpload> {
  const source = await open(file.path);
  try {
    if (file.bytes > PART_BYTES) return await uploadInParts(bucket, key, source, file, signal);
    const body = await source.readFile();
    const options = { abortSignal: signal };
    return await putWhole(
      bucket,
      key,
      body,
      encodeChecksum(file),
      options,
      getStorageClass(bucket),
    );
  } finally {
    await source.close();
  }
}

/**
 * Stores bytes in one request. Some servers require the algorithm's name with the checksum if the
 * bucket has Object Lock.
 *
 * @param checksum the SHA-256 of the bytes, in base64.
 * @param more `IfNoneMatch: '*'` never replaces an object.
 */
export async function putWhole(
  bucket: Bucket,
  key: string,
  body: Buffer,
  checksum: string,
  options: { abortSignal: AbortSignal },
  more: { IfNoneMatch?: '*'; StorageClass?: StorageClass } = {},
): Promise<StoredUpload> {
  const { VersionId: versionId } = await bucket.client.send(
    new PutObjectCommand({
      Bucket: bucket.name,
      Key: key,
      Body: body,
      ChecksumAlgorithm: 'SHA256',
      ChecksumSHA256: checksum,
      ...getEncryption(bucket),
      ...more,
    }),
    options,
  );
  return { checksum, versionId };
}

/** Encodes the SHA-256 of a whole file in the form of S3. */
export function encodeChecksum({ sha256 }: LocalFile): string {
  return Buffer.from(sha256, 'hex').toString('base64');
}

/** The reverse, in hex. Null for an object that was stored in parts: that is a hash of hashes. */
export function decodeChecksum(checksum: string | undefined): string | null {
  if (checksum === undefined || checksum.includes('-')) return null;
  return Buffer.from(checksum, 'base64').toString('hex');
}

async function uploadInParts(
  bucket: Bucket,
  key: string,
  source: FileHandle,
  file: LocalFile,
  signal: AbortSignal,
): Promise<StoredUpload> {
  const target = { Bucket: bucket.name, Key: key };
  const { UploadId } = await startUpload(bucket, key, signal);
  const failed = new AbortController();
  const abortSignal = AbortSignal.any([signal, failed.signal]);
  const hashes: Buffer[] = [];
  const parts: CompletedPart[] = [];
  const bodies = readParts(source, file);

  async function sendParts(): Promise<void> {
    for await (const { index, body } of bodies) {
      const hash = createHash('sha256').update(body).digest();
      const part = { UploadId, PartNumber: index + 1, ChecksumSHA256: hash.toString('base64') };
      parts[index] = await uploadPart(bucket, key, part, body, { abortSignal });
      hashes[index] = hash;
    }
  }

  const senders = Array.from({ length: PARALLEL_PARTS }, sendParts);
  try {
    await Promise.all(senders);
    const { VersionId: versionId } = await bucket.client.send(
      new CompleteMultipartUploadCommand({
        ...target,
        UploadId,
        MultipartUpload: { Parts: parts },
      }),
      { abortSignal: signal },
    );
    const checksum = createHash('sha256').update(Buffer.concat(hashes)).digest('base64');
    return { checksum: `${checksum}-${parts.length}`, versionId };
  } catch (error) {
    failed.abort();
    await Promise.allSettled(senders);
    // Report the first failure. A lifecycle rule removes an upload that cannot be aborted.
    await bucket.client
      .send(new AbortMultipartUploadCommand({ ...target, UploadId }))
      .catch(() => {});
    throw error;
  }
}

/** How long an interrupted run waits for the id of an upload that it began. */
const ID_MS = 1_000;

/**
 * Begins an upload in parts. After `signal` fired, it still waits a moment for the answer: without the
 * id, the caller could not abort the upload, and its parts cost money.
 */
export async function startUpload(
  bucket: Bucket,
  key: string,
  signal: AbortSignal,
): Promise<CreateMultipartUploadCommandOutput> {
  signal.throwIfAborted();
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = () => {
    timer = setTimeout(() => late.abort(signal.reason), ID_MS);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  const create = new CreateMultipartUploadCommand({
    Bucket: bucket.name,
    Key: key,
    ChecksumAlgorithm: 'SHA256',
    ...getEncryption(bucket),
    ...getStorageClass(bucket),
  });
  try {
    return await bucket.client.send(create, { abortSignal: late.signal });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** Stores one part of an upload. CompleteMultipartUpload needs the returned value. */
export async function uploadPart(
  bucket: Bucket,
  key: string,
  part: { UploadId: string | undefined; PartNumber: number; ChecksumSHA256: string },
  body: Buffer,
  options: { abortSignal: AbortSignal },
): Promise<CompletedPart> {
  const { ETag } = await bucket.client.send(
    new UploadPartCommand({ Bucket: bucket.name, Key: key, ...part, Body: body }),
    options,
  );
  const { PartNumber, ChecksumSHA256 } = part;
  // A server that rejects the checksum of a part does not know it at the end either.
  const hasChecksum = !bucket.md5Calls.has('UploadPartCommand');
  return { PartNumber, ETag, ...(hasChecksum ? { ChecksumSHA256 } : {}) };
}

/** Reads a file part by part. Several senders may share it. Throws if the file has changed. */
async function* readParts(
  source: FileHandle,
  file: LocalFile,
): AsyncGenerator<{ index: number; body: Buffer }> {
  const whole = createHash('sha256');
  for (let start = 0; start < file.bytes; start += PART_BYTES) {
    const body = Buffer.alloc(Math.min(PART_BYTES, file.bytes - start));
    await source.read(body, 0, body.length, start);
    whole.update(body);
    yield { index: start / PART_BYTES, body };
  }
  if (whole.digest('hex') !== file.sha256) {
    throw new ResumableError(
      'A file of the archive changed during its upload. Run the command again to resume.',
    );
  }
}

/** Attempts of a write that conflicts with another one of the same key. */
const CONFLICTS = 5;
const CONFLICT_MS = 200;

/**
 * Stores bytes in one request unless the key has an object. On a server that ignores the condition,
 * a listing decides; then two simultaneous writes may both succeed.
 *
 * @returns what it stored; null if the key has an object.
 */
export async function putIfAbsent(
  bucket: Bucket,
  key: string,
  body: Buffer,
  checksum: string,
  options: { abortSignal: AbortSignal },
): Promise<StoredUpload | null> {
  if (bucket.ignoresConditions && (await exists(bucket, key, options))) return null;
  const condition = bucket.ignoresConditions ? {} : ({ IfNoneMatch: '*' } as const);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await putWhole(bucket, key, body, checksum, options, condition);
    } catch (error) {
      if (getHttpStatus(error) === 412) return null;
      // Another write of the key was in progress; S3's documentation says to retry.
      if (getHttpStatus(error) !== 409 || attempt === CONFLICTS) throw error;
      await delay(Math.random() * CONFLICT_MS, undefined, { signal: options.abortSignal });
    }
  }
}

async function exists(
  { client, name: Bucket }: Bucket,
  key: string,
  options: { abortSignal: AbortSignal },
): Promise<boolean> {
  const list = new ListObjectsV2Command({ Bucket, Prefix: key, MaxKeys: 1 });
  const { Contents = [] } = await client.send(list, options);
  return Contents[0]?.Key === key;
}
