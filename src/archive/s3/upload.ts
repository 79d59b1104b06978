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
import type { LocalFile } from '../digest.ts';
import { type Bucket, readEncryption } from './bucket.ts';
import { getHttpStatus } from './s3-errors.ts';

/** Bytes of a part, and the most that goes up in one request. S3 takes 10,000 parts. */
const PART_BYTES = 8 * 1024 * 1024;
/** Parts under way at a time; each is held in memory. */
const PARALLEL_PARTS = 3;

/**
 * Stores a file in S3, in one request or in parts. Each request carries the SHA-256 of its bytes, so
 * that S3 refuses wrong ones. Returns the checksum that S3 itself has for the object afterwards:
 * base64, and for an object of parts the hash of their hashes, a dash, their number. An upload in
 * parts that fails is aborted, so that it leaves nothing to pay for.
 */
export async function upload(
  bucket: Bucket,
  key: string,
  file: LocalFile,
  signal: AbortSignal,
): Promise<string> {
  const source = await open(file.path);
  try {
    if (file.bytes > PART_BYTES) return await uploadInParts(bucket, key, source, file, signal);
    const checksum = wholeChecksum(file);
    await putWhole(bucket, key, await source.readFile(), checksum, { abortSignal: signal });
    return checksum;
  } finally {
    await source.close();
  }
}

/**
 * Stores bytes in one request. The algorithm's name goes besides the checksum, as some servers ask
 * for it where the bucket has Object Lock.
 *
 * @param checksum the SHA-256 of the bytes, in base64.
 * @param condition `IfNoneMatch: '*'` stores only where there is no object.
 */
export async function putWhole(
  bucket: Bucket,
  key: string,
  body: Buffer,
  checksum: string,
  options: { abortSignal: AbortSignal },
  condition: { IfNoneMatch?: '*' } = {},
): Promise<void> {
  await bucket.client.send(
    new PutObjectCommand({
      Bucket: bucket.name,
      Key: key,
      Body: body,
      ChecksumAlgorithm: 'SHA256',
      ChecksumSHA256: checksum,
      ...readEncryption(bucket),
      ...condition,
    }),
    options,
  );
}

/** The SHA-256 of a whole file, in the form of S3. */
export function wholeChecksum({ sha256 }: LocalFile): string {
  return Buffer.from(sha256, 'hex').toString('base64');
}

async function uploadInParts(
  bucket: Bucket,
  key: string,
  source: FileHandle,
  file: LocalFile,
  signal: AbortSignal,
): Promise<string> {
  const target = { Bucket: bucket.name, Key: key };
  const { UploadId } = await beginUpload(bucket, key, { abortSignal: signal });
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
    await bucket.client.send(
      new CompleteMultipartUploadCommand({
        ...target,
        UploadId,
        MultipartUpload: { Parts: parts },
      }),
      { abortSignal: signal },
    );
    const checksum = createHash('sha256').update(Buffer.concat(hashes)).digest('base64');
    return `${checksum}-${parts.length}`;
  } catch (error) {
    failed.abort();
    await Promise.allSettled(senders);
    // The first failure is the one to tell; an upload that is left over is for a lifecycle rule.
    await bucket.client
      .send(new AbortMultipartUploadCommand({ ...target, UploadId }))
      .catch(() => {});
    throw error;
  }
}

/** Begins an upload in parts. */
export async function beginUpload(
  bucket: Bucket,
  key: string,
  options: { abortSignal: AbortSignal },
): Promise<CreateMultipartUploadCommandOutput> {
  return bucket.client.send(
    new CreateMultipartUploadCommand({
      Bucket: bucket.name,
      Key: key,
      ChecksumAlgorithm: 'SHA256',
      ...readEncryption(bucket),
    }),
    options,
  );
}

/** Stores one part of an upload; what it returns is to be named when the upload is completed. */
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
  // A server that does not take the checksum of a part does not know it afterwards either.
  const isKnown = !bucket.md5Calls.has('UploadPartCommand');
  return { PartNumber, ETag, ...(isKnown ? { ChecksumSHA256 } : {}) };
}

/** A file's bytes, part by part; several may ask in turn. Throws where they are not its own. */
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
    throw new Error('A file of the archive changed while it was uploaded.');
  }
}

/** How often a write that met another of the same key is made again. */
const CONFLICTS = 5;
const CONFLICT_MS = 200;

/**
 * Stores bytes in one request, only where there is no object. On a server that ignores the
 * condition, a listing shows whether there is one: two writes within the same moment are then both
 * made.
 *
 * @returns true where it stored them, false where an object is there.
 */
export async function putIfNone(
  bucket: Bucket,
  key: string,
  body: Buffer,
  checksum: string,
  options: { abortSignal: AbortSignal },
): Promise<boolean> {
  if (bucket.ignoresConditions && (await exists(bucket, key, options))) return false;
  const condition = bucket.ignoresConditions ? {} : ({ IfNoneMatch: '*' } as const);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await putWhole(bucket, key, body, checksum, options, condition);
      return true;
    } catch (error) {
      if (getHttpStatus(error) === 412) return false;
      // Another write of the key was under way: by S3's own word, to be tried again.
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
