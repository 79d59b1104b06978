import { createHash, randomUUID } from 'node:crypto';

/** A refusal as S3 answers it: a code with its HTTP status. */
export class S3Refusal extends Error {
  readonly code: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Further elements of the answer's body, after code and message. */
  readonly elements: Readonly<Record<string, string>>;

  constructor(
    code: string,
    status: number,
    headers: Record<string, string> = {},
    elements: Record<string, string> = {},
    message: string = code,
  ) {
    super(message);
    this.code = code;
    this.status = status;
    this.headers = headers;
    this.elements = elements;
  }
}

export interface StoredS3Object {
  readonly bytes: Buffer;
  /** As S3 shows it: base64; for an object of parts, the hash of their hashes, a dash, the count. */
  readonly checksum: string;
  readonly encryption: string | undefined;
  readonly kmsKeyId: string | undefined;
  /** The class that it was stored in, or the cold one that a lifecycle rule moved it to. */
  storageClass?: string;
  /** A copy of an object in cold storage. */
  restore?: 'ongoing' | 'complete';
}

/** What Object Lock protects a version with. */
export interface S3Retention {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE';
  readonly until: Date;
}

/** A version of an object in a bucket that keeps versions. A delete marker has no object. */
export interface S3Version {
  readonly key: string;
  readonly id: string;
  readonly object: StoredS3Object | null;
  readonly at: Date;
  retention: S3Retention | null;
  legalHold: boolean;
}

/** How a bucket keeps versions, and locks them. */
export interface S3Versioning {
  readonly hasObjectLock: boolean;
  /** What each new version is retained with. */
  readonly defaultRetention: { readonly mode: S3Retention['mode']; readonly days: number } | null;
}

const DAY_MS = 86_400_000;

interface Upload {
  readonly key: string;
  readonly encryption: string | undefined;
  readonly kmsKeyId: string | undefined;
  readonly storageClass?: string;
  readonly parts: Map<number, Buffer>;
}

const MIN_PART_BYTES = 5 * 1024 * 1024;

/** One bucket, with its open multipart uploads. */
export class S3Bucket {
  readonly region: string;
  /** Null: it keeps no versions. */
  readonly versioning: S3Versioning | null;
  /** The current objects. */
  readonly objects = new Map<string, StoredS3Object>();
  /** Every version and delete marker, oldest first. */
  versions: S3Version[] = [];
  readonly uploads = new Map<string, Upload>();
  /** Every object that was stored, in order, by its key. */
  readonly stored: string[] = [];
  #versions = 0;

  constructor(region: string, versioning: S3Versioning | null = null) {
    this.region = region;
    this.versioning = versioning;
  }

  put(key: string, bytes: Buffer, headers: StorageHeaders): void {
    this.store(key, { bytes, checksum: sha256(bytes), ...storageOf(headers) });
  }

  /** Stores an object as the current one of its key. */
  store(key: string, object: StoredS3Object): void {
    this.stored.push(key);
    this.objects.set(key, object);
    this.#addVersion(key, object);
  }

  /** The current version of a key, or the one of an id; undefined if there is none. */
  version(key: string, id?: string | null): S3Version | undefined {
    return this.versions.findLast((each) => each.key === key && (!id || each.id === id));
  }

  /** Deletes without naming a version: in a bucket with versions, it only adds a delete marker. */
  hide(key: string): void {
    this.objects.delete(key);
    this.#addVersion(key, null);
  }

  /** Deletes a version, if nothing protects it. Ignores ids that do not exist. */
  deleteVersion(key: string, id: string, bypassesGovernance: boolean): void {
    const version = this.version(key, id);
    if (version === undefined) return;
    if (version.legalHold || isRetained(version, bypassesGovernance)) {
      throw new S3Refusal('AccessDenied', 403, {}, {}, LOCKED);
    }
    this.versions = this.versions.filter((each) => each !== version);
    const current = this.version(key)?.object ?? null;
    if (current === null) this.objects.delete(key);
    else this.objects.set(key, current);
  }

  /** Changes the retention of a version, which only a bypass of governance may shorten. */
  retain(version: S3Version, retention: S3Retention, bypassesGovernance: boolean): void {
    const { retention: own } = version;
    const isWeaker =
      own !== null &&
      (retention.until < own.until ||
        (own.mode === 'COMPLIANCE' && retention.mode === 'GOVERNANCE'));
    if (isWeaker && isRetained(version, bypassesGovernance)) {
      throw new S3Refusal('AccessDenied', 403, {}, {}, LOCKED);
    }
    version.retention = retention;
  }

  #addVersion(key: string, object: StoredS3Object | null): void {
    if (this.versioning === null) return;
    this.#versions += 1;
    const { defaultRetention } = this.versioning;
    const at = new Date();
    const retention =
      object && defaultRetention
        ? {
            mode: defaultRetention.mode,
            until: new Date(at.getTime() + defaultRetention.days * DAY_MS),
          }
        : null;
    const id = `version-${this.#versions}`;
    this.versions.push({ key, id, object, at, retention, legalHold: false });
  }

  begin(key: string, headers: StorageHeaders): string {
    const id = randomUUID();
    this.uploads.set(id, { key, parts: new Map(), ...storageOf(headers) });
    return id;
  }

  /** Returns the part's ETag. */
  putPart(key: string, uploadId: string, number: number, bytes: Buffer): string {
    this.#upload(key, uploadId).parts.set(number, bytes);
    return etag(bytes);
  }

  /** Completes an upload; parts may be named without their checksums where these are not known. */
  complete(
    key: string,
    uploadId: string,
    named: readonly NamedPart[],
    knowsChecksums: boolean,
  ): void {
    const upload = this.#upload(key, uploadId);
    const parts = named.map(({ number, etag: tag, checksum }, index) => {
      const bytes = upload.parts.get(number);
      if (number !== index + 1) throw new S3Refusal('InvalidPartOrder', 400);
      const isOther = knowsChecksums && checksum !== (bytes && sha256(bytes));
      if (!bytes || etag(bytes) !== tag || isOther) {
        throw new S3Refusal('InvalidPart', 400);
      }
      if (bytes.length < MIN_PART_BYTES && index < named.length - 1) {
        throw new S3Refusal('EntityTooSmall', 400);
      }
      return bytes;
    });
    const hashes = parts.map((bytes) => createHash('sha256').update(bytes).digest());
    this.store(key, {
      bytes: Buffer.concat(parts),
      checksum: `${sha256(Buffer.concat(hashes))}-${parts.length}`,
      encryption: upload.encryption,
      kmsKeyId: upload.kmsKeyId,
      ...(upload.storageClass && { storageClass: upload.storageClass }),
    });
    this.uploads.delete(uploadId);
  }

  abort(key: string, uploadId: string): void {
    this.#upload(key, uploadId);
    this.uploads.delete(uploadId);
  }

  /** One page of a listing in key order. */
  list(prefix: string, after: string, limit: number): { keys: string[]; truncated: boolean } {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after);
    keys.sort();
    return { keys: keys.slice(0, limit), truncated: keys.length > limit };
  }

  /**
   * One page of versions and delete markers in the order of S3: by key, then the newest first.
   *
   * @param after the key and the version at which the page before ended.
   */
  listVersions(
    prefix: string,
    after: { readonly key: string; readonly id: string },
    limit: number,
  ): { page: S3Version[]; truncated: boolean } {
    const all = this.versions
      .filter(({ key }) => key.startsWith(prefix))
      .toReversed()
      .sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)));
    const last = all.findIndex(({ key, id }) => key === after.key && id === after.id);
    const rest = after.key === '' ? all : all.slice(last + 1);
    return { page: rest.slice(0, limit), truncated: rest.length > limit };
  }

  #upload(key: string, uploadId: string): Upload {
    const upload = this.uploads.get(uploadId);
    if (upload?.key !== key) throw new S3Refusal('NoSuchUpload', 404);
    return upload;
  }
}

/** S3's message for what Object Lock forbids. */
const LOCKED = 'Access Denied because object protected by object lock.';

function isRetained({ retention }: S3Version, bypassesGovernance: boolean): boolean {
  if (retention === null || retention.until <= new Date()) return false;
  return retention.mode === 'COMPLIANCE' || !bypassesGovernance;
}

export interface NamedPart {
  readonly number: number;
  readonly etag: string;
  readonly checksum: string;
}

export type StorageHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** The classes whose objects must be restored before they can be read. */
export const COLD: readonly string[] = ['GLACIER', 'DEEP_ARCHIVE'];
const CLASSES = [
  ...COLD,
  ...['STANDARD', 'INTELLIGENT_TIERING', 'STANDARD_IA', 'ONEZONE_IA', 'GLACIER_IR'],
];

function storageOf(headers: StorageHeaders) {
  const storageClass = headers['x-amz-storage-class']?.toString();
  if (storageClass !== undefined && !CLASSES.includes(storageClass)) {
    throw new S3Refusal('InvalidStorageClass', 400);
  }
  return {
    ...(storageClass !== undefined && { storageClass }),
    encryption: headers['x-amz-server-side-encryption']?.toString(),
    kmsKeyId: headers['x-amz-server-side-encryption-aws-kms-key-id']?.toString(),
  };
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64');
}

export function etag(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}
