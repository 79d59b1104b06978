import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import {
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  NoSuchKey,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import type { AwsAccess } from '../../aws/access.ts';
import { ResumableError } from '../../model/errors.ts';
import type { LockMode } from '../../model/object-lock.ts';
import type { Encryption, StorageClass } from '../../model/object-storage.ts';
import type {
  Destination,
  DestinationFacts,
  LocalFile,
  LockState,
  LockTarget,
  ObjectHead,
  ProtectedObject,
  Retention,
  StoredObject,
  StoredVersion,
} from '../destination.ts';
import { archiveUrlError, type ColdStorage, ColdStorageError } from '../errors.ts';
import { isStored } from '../read-object.ts';
import { type Bucket, createS3Client } from './bucket.ts';
import { checkBucket } from './check-bucket.ts';
import { deleteObjects, deleteVersion, findProtected, hideObjects } from './delete.ts';
import { readLifecycle } from './lifecycle.ts';
import { explainNoLock, lockVersion, readRetention } from './locks.ts';
import { explainS3Error, getErrorName, getHttpStatus } from './s3-errors.ts';
import { decodeChecksum, encodeChecksum, putIfAbsent, upload } from './upload.ts';
import { listVersions } from './versions.ts';

interface S3DestinationOptions {
  readonly bucket: string;
  /** Surrounding slashes are ignored. Empty for the whole bucket. */
  readonly prefix: string;
  readonly storageClass?: StorageClass | null;
  readonly encryption?: Encryption | null;
  readonly kmsKeyId?: string | null;
  readonly access?: AwsAccess;
}

/**
 * Opens an archive under a prefix of a bucket, in S3 or a compatible server.
 *
 * @throws ActionRequiredError if the configured endpoint is not a URL.
 */
export async function openS3Destination(
  url: string,
  options: S3DestinationOptions,
): Promise<Destination> {
  const trimmed = options.prefix.replaceAll(/^\/+|\/+$/g, '');
  const md5Calls = new Set<string>();
  return new S3Destination(url, {
    client: await createS3Client(md5Calls, options.access),
    name: options.bucket,
    prefix: trimmed === '' ? '' : `${trimmed}/`,
    storageClass: options.storageClass ?? null,
    encryption: options.encryption ?? null,
    kmsKeyId: options.kmsKeyId ?? null,
    md5Calls,
    ignoresConditions: false,
    keepsVersions: false,
    trialEncryption: null,
  });
}

class S3Destination implements Destination {
  readonly url: string;
  readonly #bucket: Bucket;

  constructor(url: string, bucket: Bucket) {
    this.url = url;
    this.#bucket = bucket;
  }

  async check(signal: AbortSignal, lockMode: LockMode | null = null): Promise<void> {
    await checkBucket(this.#bucket, lockMode, signal);
  }

  async inspect(signal: AbortSignal): Promise<DestinationFacts> {
    const { keepsVersions, trialEncryption: encryption } = this.#bucket;
    const lifecycle = await this.#call(signal, (options) => readLifecycle(this.#bucket, options));
    return { keepsVersions, encryption, lifecycle };
  }

  async put(key: string, file: LocalFile, signal: AbortSignal): Promise<string | null> {
    const { checksum, versionId } = await this.#call(signal, () =>
      upload(this.#bucket, this.#key(key), file, signal),
    );
    if (await this.#isWhole(key, file, checksum, signal)) return versionId ?? null;
    throw await this.#discard(key, versionId, signal);
  }

  async create(key: string, file: LocalFile, signal: AbortSignal): Promise<boolean> {
    const body = await readFile(file.path);
    const checksum = encodeChecksum(file);
    const stored = await this.#call(signal, (options) =>
      putIfAbsent(this.#bucket, this.#key(key), body, checksum, options),
    );
    if (stored === null) return false;
    if (await this.#isWhole(key, file, checksum, signal)) return true;
    // Another mirror may have replaced the object: do not delete it.
    if (this.#bucket.ignoresConditions) return false;
    throw await this.#discard(key, stored.versionId, signal);
  }

  async *list(prefix: string, signal: AbortSignal): AsyncIterable<StoredObject> {
    const pages = paginateListObjectsV2(
      { client: this.#bucket.client },
      { Bucket: this.#bucket.name, Prefix: this.#key(prefix) },
      { abortSignal: signal },
    );
    while (true) {
      const page = await this.#call(signal, () => pages.next());
      if (page.done) return;
      for (const { Key, Size } of page.value.Contents ?? []) {
        if (Key !== undefined) {
          yield { key: Key.slice(this.#bucket.prefix.length), bytes: Size ?? 0 };
        }
      }
    }
  }

  async listVersions(
    prefix: string,
    signal: AbortSignal,
  ): Promise<readonly StoredVersion[] | null> {
    return this.#call(signal, async (options) => {
      const found: StoredVersion[] = [];
      const { length } = this.#bucket.prefix;
      try {
        for await (const version of listVersions(this.#bucket, this.#key(prefix), options)) {
          found.push({ ...version, key: version.key.slice(length) });
        }
      } catch (error) {
        const status = getHttpStatus(error);
        if (status === 403) return null;
        // A server without the call keeps no versions.
        if (status !== 405 && status !== 501) throw error;
      }
      return found;
    });
  }

  async head(key: string, signal: AbortSignal): Promise<ObjectHead | null> {
    const found = await this.#call(signal, (options) => this.#head(this.#key(key), null, options));
    if (found === null) return null;
    const { ContentLength: bytes = 0, ChecksumSHA256 } = found;
    return { bytes, sha256: decodeChecksum(ChecksumSHA256) };
  }

  async read(key: string, signal: AbortSignal, versionId?: string): Promise<Readable | null> {
    return this.#call(signal, async (options) => {
      const { client, name: Bucket } = this.#bucket;
      const Key = this.#key(key);
      try {
        const version = versionId === undefined ? {} : { VersionId: versionId };
        const get = new GetObjectCommand({ Bucket, Key, ...version });
        const { Body } = await client.send(get, options);
        return (Body as Readable | undefined) ?? null;
      } catch (error) {
        if (error instanceof NoSuchKey || getErrorName(error) === 'NoSuchVersion') return null;
        if (getErrorName(error) !== 'InvalidObjectState') throw error;
        throw new ColdStorageError(Bucket, Key, await this.#findStorage(error, Key, options));
      }
    });
  }

  async lock(target: LockTarget, wanted: Retention, signal: AbortSignal): Promise<void> {
    const Key = this.#key(target.key);
    const head = await this.#call(signal, (options) => this.#head(Key, target.versionId, options));
    const version = { Key, VersionId: target.versionId ?? head?.VersionId };
    const isSealed = head !== null && (await this.#hasBytes(target, head, signal));
    if (!isSealed || version.VersionId === undefined) {
      throw archiveUrlError(
        `${target.key} is not as it was sealed, so it was not locked.`,
        'Run `cognito-mirror verify`, restore the sealed version, then run the command again.',
      );
    }
    const existing = readRetention(head);
    await this.#call(signal, (options) =>
      lockVersion(this.#bucket, version, { existing, wanted }, options),
    );
  }

  async readLock(key: string, signal: AbortSignal): Promise<LockState> {
    const Key = this.#key(key);
    return this.#call(signal, async (options) => {
      const head = await this.#head(Key, null, options);
      const retention = head && readRetention(head);
      if (retention !== null) return { state: 'locked', ...retention };
      const VersionId = head?.VersionId;
      if (VersionId === undefined) return { state: 'unsupported' };
      return explainNoLock(this.#bucket, { Key, VersionId }, options);
    });
  }

  localPath(): null {
    return null;
  }

  async delete(keys: readonly string[], signal: AbortSignal): Promise<readonly ProtectedObject[]> {
    return this.#protected(deleteObjects, keys, signal);
  }

  async findProtected(
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly ProtectedObject[]> {
    return this.#protected(findProtected, keys, signal);
  }

  /** Passes the full keys, and returns those of what is protected as relative ones. */
  async #protected(
    find: typeof deleteObjects,
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly ProtectedObject[]> {
    const whole = keys.map((key) => this.#key(key));
    return this.#call(signal, async (options) => {
      const found = await find(this.#bucket, whole, options);
      const { length } = this.#bucket.prefix;
      return found.map((each) => ({ ...each, key: each.key.slice(length) }));
    });
  }

  async hide(key: string, signal: AbortSignal): Promise<boolean> {
    if ((await this.delete([key], signal)).length === 0) return true;
    return this.#call(signal, async (options) => {
      const stay = await hideObjects(this.#bucket, [this.#key(key)], options);
      return stay.length === 0;
    });
  }

  /** Describes a version of an object; without an id, the current one. Null if it does not exist. */
  async #head(
    Key: string,
    versionId: string | null,
    options: { abortSignal: AbortSignal },
  ): Promise<HeadObjectCommandOutput | null> {
    const { client, name: Bucket } = this.#bucket;
    const version = versionId === null ? {} : { VersionId: versionId };
    const head = new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED', ...version });
    try {
      return await client.send(head, options);
    } catch (error) {
      if (getHttpStatus(error) === 404) return null;
      throw error;
    }
  }

  /** Compares the bytes of the version of a target. Those of an own upload are known. */
  async #hasBytes(
    target: LockTarget,
    head: HeadObjectCommandOutput,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (head.ContentLength !== target.bytes) return false;
    if (target.versionId !== null) return true;
    // The checksum of an object in parts is another one, so that it is read.
    if (decodeChecksum(head.ChecksumSHA256) === target.sha256) return true;
    return isStored(this, target, signal, head.VersionId);
  }

  #key(key: string): string {
    return this.#bucket.prefix + key;
  }

  /**
   * Compares a stored object with a file. S3 returns the checksum that was sent, or that of its
   * parts. Some servers return another form or none; then the object is read back.
   */
  async #isWhole(
    key: string,
    file: LocalFile,
    checksum: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { client, name: Bucket } = this.#bucket;
    const head = new HeadObjectCommand({ Bucket, Key: this.#key(key), ChecksumMode: 'ENABLED' });
    const stored = await this.#call(signal, (options) => client.send(head, options));
    const isKnown = [checksum, encodeChecksum(file)].includes(stored.ChecksumSHA256 ?? '');
    if (isKnown && stored.ContentLength === file.bytes) return true;
    return isStored(this, { key, ...file }, signal);
  }

  /**
   * Deletes wrong bytes that were just stored, as a manifest may name their key. Other versions stay:
   * one of them may be sealed.
   */
  async #discard(
    key: string,
    versionId: string | undefined,
    abortSignal: AbortSignal,
  ): Promise<ResumableError> {
    await deleteVersion(this.#bucket, this.#key(key), versionId, { abortSignal }).catch(() => {});
    return new ResumableError(
      `${this.url} stored other bytes for ${key} than were sent. Run the command again to archive the snapshot.`,
    );
  }

  /** Finds the storage class in the refusal to read the object or in its metadata, and if it is restored. */
  async #findStorage(
    refusal: unknown,
    Key: string,
    options: { abortSignal: AbortSignal },
  ): Promise<ColdStorage> {
    const { client, name: Bucket } = this.#bucket;
    const head = await client
      .send(new HeadObjectCommand({ Bucket, Key }), options)
      .catch(() => null);
    const { StorageClass = head?.StorageClass } = refusal as { StorageClass?: string };
    const [, ongoing] = /ongoing-request="(true|false)"/.exec(head?.Restore ?? '') ?? [];
    const restore = ongoing === undefined ? null : ongoing === 'true' ? 'ongoing' : 'complete';
    return { storageClass: StorageClass, restore };
  }

  /** Runs a call and converts its failure to an error of this program. */
  async #call<T>(
    signal: AbortSignal,
    run: (options: { abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    try {
      return await run({ abortSignal: signal });
    } catch (error) {
      signal.throwIfAborted();
      throw explainS3Error(error, this.#bucket);
    }
  }
}
