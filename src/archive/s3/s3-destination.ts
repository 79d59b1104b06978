import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import { ResumableError } from '../../model/errors.ts';
import { type Destination, isStored, type StoredObject } from '../destination.ts';
import type { LocalFile } from '../local-file.ts';
import { type Bucket, createS3Client, encryptionOf } from './bucket.ts';
import { explainS3Error, explainUnreachable } from './s3-errors.ts';
import { upload } from './upload.ts';

/** Keys that one DeleteObjects call takes. */
const DELETE_BATCH = 1_000;

/** How long an interrupted run waits for the end of the upload that it began to see that it may. */
const ABORT_MS = 1_000;

export interface S3DestinationOptions {
  readonly bucket: string;
  /** With or without slashes around it; empty for the whole bucket. */
  readonly prefix: string;
  readonly kmsKeyId?: string;
}

/** An archive under a prefix of a bucket in S3, or in a server with its API. */
export function openS3Destination(url: string, options: S3DestinationOptions): Destination {
  const trimmed = options.prefix.replaceAll(/^\/+|\/+$/g, '');
  return new S3Destination(url, {
    client: createS3Client(),
    name: options.bucket,
    prefix: trimmed === '' ? '' : `${trimmed}/`,
    kmsKeyId: options.kmsKeyId,
  });
}

class S3Destination implements Destination {
  readonly url: string;
  readonly #bucket: Bucket;

  constructor(url: string, bucket: Bucket) {
    this.url = url;
    this.#bucket = bucket;
  }

  /**
   * Lists, then begins an upload and aborts it: that needs the rights, and the key, of a real one,
   * and leaves no object, not even in a bucket that keeps versions.
   */
  async check(signal: AbortSignal): Promise<void> {
    const { client, name: Bucket, prefix } = this.#bucket;
    const options = { abortSignal: signal };
    const target = { Bucket, Key: `${prefix}cognito-mirror-check` };
    let action = 's3:ListBucket';
    try {
      await client.send(new ListObjectsV2Command({ Bucket, Prefix: prefix, MaxKeys: 1 }), options);
      action = 's3:PutObject';
      const { UploadId } = await client.send(
        new CreateMultipartUploadCommand({ ...target, ...encryptionOf(this.#bucket) }),
        options,
      );
      action = 's3:AbortMultipartUpload';
      // Also where the run is interrupted meanwhile: the upload would stay.
      const abortSignal = AbortSignal.timeout(ABORT_MS);
      await client.send(new AbortMultipartUploadCommand({ ...target, UploadId }), { abortSignal });
    } catch (error) {
      signal.throwIfAborted();
      throw explainUnreachable(error, { bucket: Bucket, action });
    }
  }

  async put(key: string, file: LocalFile, signal: AbortSignal): Promise<void> {
    const checksum = await this.#call('s3:PutObject', signal, () =>
      upload(this.#bucket, this.#key(key), file, signal),
    );
    const stored = await this.#call('s3:GetObject', signal, (options) =>
      this.#bucket.client.send(
        new HeadObjectCommand({
          Bucket: this.#bucket.name,
          Key: this.#key(key),
          ChecksumMode: 'ENABLED',
        }),
        options,
      ),
    );
    const { ContentLength, ChecksumSHA256 } = stored;
    const isWhole =
      ContentLength === file.bytes &&
      // S3 itself has it; a server with its API may keep no checksums.
      (ChecksumSHA256 === undefined
        ? await isStored(this, { key, ...file }, signal)
        : ChecksumSHA256 === checksum);
    if (!isWhole) {
      // A later run must not take it for what another one sealed.
      await this.delete([key], signal).catch(() => {});
      throw new ResumableError(
        `${this.url} stored other bytes for ${key} than were sent. Run again to archive the snapshot.`,
      );
    }
  }

  async *list(prefix: string, signal: AbortSignal): AsyncIterable<StoredObject> {
    const pages = paginateListObjectsV2(
      { client: this.#bucket.client },
      { Bucket: this.#bucket.name, Prefix: this.#key(prefix) },
      { abortSignal: signal },
    );
    while (true) {
      const page = await this.#call('s3:ListBucket', signal, () => pages.next());
      if (page.done) return;
      for (const { Key, Size } of page.value.Contents ?? []) {
        if (Key !== undefined) {
          yield { key: Key.slice(this.#bucket.prefix.length), bytes: Size ?? 0 };
        }
      }
    }
  }

  async read(key: string, signal: AbortSignal): Promise<Readable | null> {
    return this.#call('s3:GetObject', signal, async (options) => {
      try {
        const { Body } = await this.#bucket.client.send(
          new GetObjectCommand({ Bucket: this.#bucket.name, Key: this.#key(key) }),
          options,
        );
        return (Body as Readable | undefined) ?? null;
      } catch (error) {
        if (error instanceof NoSuchKey) return null;
        throw error;
      }
    });
  }

  async delete(keys: readonly string[], signal: AbortSignal): Promise<void> {
    for (let start = 0; start < keys.length; start += DELETE_BATCH) {
      const batch = keys.slice(start, start + DELETE_BATCH);
      const { Errors } = await this.#call('s3:DeleteObject', signal, (options) =>
        this.#bucket.client.send(
          new DeleteObjectsCommand({
            Bucket: this.#bucket.name,
            Delete: { Objects: batch.map((key) => ({ Key: this.#key(key) })), Quiet: true },
          }),
          options,
        ),
      );
      const [refused] = Errors ?? [];
      if (refused) throw refusedDeletion(refused, this.#bucket.name);
    }
  }

  #key(key: string): string {
    return this.#bucket.prefix + key;
  }

  /** Makes a call that needs an IAM action; a failure is told in the project's own errors. */
  async #call<T>(
    action: string,
    signal: AbortSignal,
    run: (options: { abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    try {
      return await run({ abortSignal: signal });
    } catch (error) {
      signal.throwIfAborted();
      throw explainS3Error(error, { bucket: this.#bucket.name, action });
    }
  }
}

/** DeleteObjects answers 200 and lists what it refused. */
function refusedDeletion(
  { Code = 'unknown error' }: { Code?: string | undefined },
  bucket: string,
) {
  const status = Code === 'AccessDenied' ? 403 : 200;
  const error = Object.assign(new Error(), { name: Code, $metadata: { httpStatusCode: status } });
  return explainS3Error(error, { bucket, action: 's3:DeleteObject' });
}
