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
    const body = await source.readFile();
    const checksum = Buffer.from(file.sha256, 'hex').toString('base64');
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
  const hashes: Buffer[] = [];
  const parts: CompletedPart[] = [];
  const bodies = readParts(source, file);

  async function sendParts(): Promise<void> {
    for await (const { index, body } of bodies) {
      const hash = createHash('sha256').update(body).digest();
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
