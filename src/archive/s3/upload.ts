import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { LocalFile } from '../local-file.ts';
import { type Bucket, encryptionOf } from './bucket.ts';

/** Bytes of a part, and the most that goes up in one request. S3 takes 10,000 parts. */
const PART_BYTES = 8 * 1024 * 1024;
/** Parts under way at a time; each is held in memory. */
const PARALLEL_PARTS = 3;

/**
 * Stores a file in S3, in one request or in parts. Each request carries the SHA-256 of its bytes, so
 * that S3 refuses wrong ones. Returns the checksum that S3 must have for the object afterwards, in
 * its own form: base64, and for an object of parts the hash of their hashes, a dash, their number.
 * An upload in parts that fails is aborted, so that it leaves nothing to pay for.
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
    const body = await readRange(source, 0, file.bytes);
    const checksum = sha256(body).toString('base64');
    await bucket.client.send(
      new PutObjectCommand({
        Bucket: bucket.name,
        Key: key,
        Body: body,
        ChecksumSHA256: checksum,
        ...encryptionOf(bucket),
      }),
      { abortSignal: signal },
    );
    return checksum;
  } finally {
    await source.close();
  }
}

async function uploadInParts(
  bucket: Bucket,
  key: string,
  source: FileHandle,
  file: LocalFile,
  signal: AbortSignal,
): Promise<string> {
  const target = { Bucket: bucket.name, Key: key };
  const { UploadId } = await bucket.client.send(
    new CreateMultipartUploadCommand({
      ...target,
      ChecksumAlgorithm: 'SHA256',
      ...encryptionOf(bucket),
    }),
    { abortSignal: signal },
  );
  const failed = new AbortController();
  const abortSignal = AbortSignal.any([signal, failed.signal]);
  const count = Math.ceil(file.bytes / PART_BYTES);
  const hashes: Buffer[] = [];
  const parts: CompletedPart[] = [];
  let next = 0;

  async function sendParts(): Promise<void> {
    while (next < count) {
      const index = next++;
      const start = index * PART_BYTES;
      const body = await readRange(source, start, Math.min(PART_BYTES, file.bytes - start));
      const hash = sha256(body);
      const part = { PartNumber: index + 1, ChecksumSHA256: hash.toString('base64') };
      const { ETag } = await bucket.client.send(
        new UploadPartCommand({ ...target, UploadId, ...part, Body: body }),
        { abortSignal },
      );
      hashes[index] = hash;
      parts[index] = { ...part, ETag };
    }
  }

  const senders = Array.from({ length: PARALLEL_PARTS }, sendParts);
  try {
    await Promise.all(senders);
    const checksum = `${sha256(Buffer.concat(hashes)).toString('base64')}-${count}`;
    await bucket.client.send(
      new CompleteMultipartUploadCommand({
        ...target,
        UploadId,
        ChecksumSHA256: checksum,
        MultipartUpload: { Parts: parts },
      }),
      { abortSignal: signal },
    );
    return checksum;
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

async function readRange(source: FileHandle, start: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await source.read(buffer, 0, length, start);
  if (bytesRead !== length) throw new Error('A file of the archive was cut while it was uploaded.');
  return buffer;
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
