import type { Readable } from 'node:stream';
import { ActionRequiredError, ResumableError } from '../model/errors.ts';
import { computeDigest, type Digest, type LocalFile } from './digest.ts';

/** An object as a listing shows it. */
export interface StoredObject {
  /** Relative to the destination, with `/` between its parts. */
  readonly key: string;
  readonly bytes: number;
}

/**
 * Where archives are kept: a folder or a bucket. Keys are relative to it. Methods throw
 * `ConfigurationError` where a person must change something, `ResumableError` where running again
 * may do, and the signal's reason once it is aborted.
 */
export interface Destination {
  /** For messages and logs. */
  readonly url: string;

  /**
   * Proves that the destination is there and can be listed, written, read and cleared, in the forms
   * that the archive uses. It leaves nothing, but for one small object in a bucket that keeps versions.
   */
  check(signal: AbortSignal): Promise<void>;

  /**
   * Stores a file under a key, over what was there. When it returns, the object is complete and
   * durable, and size and SHA-256 of what is stored were compared with the file's; when it throws,
   * the key holds what it held before, or all of the new bytes, never a part of them.
   */
  put(key: string, file: LocalFile, signal: AbortSignal): Promise<void>;

  /**
   * Stores a small file under a key, as `put` does, but only where there is no object.
   *
   * @returns true where it stored the file, false where an object is there.
   */
  create(key: string, file: LocalFile, signal: AbortSignal): Promise<boolean>;

  /** Every object whose key begins with a prefix that ends in a slash; in no certain order. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<StoredObject>;

  /** An object's bytes, or null where there is none. Throws ColdStorageError where it is in such. */
  read(key: string, signal: AbortSignal): Promise<Readable | null>;

  /**
   * Deletes objects; a key without an object is no error.
   *
   * @returns the keys of objects that stay, as they are retained (Object Lock).
   */
  delete(keys: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
}

/** The bytes of a small object, or null where there is none. */
export async function readWhole(
  destination: Destination,
  key: string,
  signal: AbortSignal,
): Promise<Buffer | null> {
  const stream = await destination.read(key, signal);
  if (stream === null) return null;
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch (error) {
    signal.throwIfAborted();
    throw unreadable(destination, key, error);
  }
  return Buffer.concat(chunks);
}

/** Reads an object back: true if it is there, and has these bytes. */
export async function isStored(
  destination: Destination,
  { key, bytes, sha256 }: Digest & { readonly key: string },
  signal: AbortSignal,
): Promise<boolean> {
  const stream = await destination.read(key, signal);
  if (stream === null) return false;
  try {
    const stored = await computeDigest(stream);
    return stored.bytes === bytes && stored.sha256 === sha256;
  } catch (error) {
    signal.throwIfAborted();
    throw unreadable(destination, key, error);
  }
}

function unreadable({ url }: Destination, key: string, cause: unknown): ResumableError {
  return new ResumableError(
    `${url}: ${key} could not be read back to its end. Run it again to resume.`,
    { cause },
  );
}

/** An object cannot be read as it is in cold storage, such as Glacier, where a lifecycle rule moved it. */
export class ColdStorageError extends ActionRequiredError {
  /** `storageClass` is GLACIER, DEEP_ARCHIVE or the like; undefined where the server does not tell. */
  constructor(bucket: string, key: string, storageClass: string | undefined) {
    super([
      {
        subject: 'ARCHIVE_URL',
        problem: `the object ${key} in the bucket ${bucket} is in the storage class ${storageClass ?? 'of an archive'} and cannot be read.`,
        remedy: `Restore it with \`aws s3api restore-object --bucket ${bucket} --key '${key}' --restore-request Days=7\`, wait until it can be read, then run it again. Let lifecycle rules leave manifests/ alone.`,
      },
    ]);
  }
}
