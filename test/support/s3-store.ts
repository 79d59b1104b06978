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
  ) {
    super(code);
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
  /** The cold storage that a lifecycle rule moved it to. */
  storageClass?: string;
}

interface Upload {
  readonly key: string;
  readonly encryption: string | undefined;
  readonly kmsKeyId: string | undefined;
  readonly parts: Map<number, Buffer>;
}

const MIN_PART_BYTES = 5 * 1024 * 1024;

/** One bucket, with its open multipart uploads. */
export class S3Bucket {
  readonly region: string;
  readonly objects = new Map<string, StoredS3Object>();
  readonly uploads = new Map<string, Upload>();
  /** Every object that was stored, in order, by its key. */
  readonly stored: string[] = [];
  /** What deletions left in a bucket that keeps versions. */
  readonly deleteMarkers: string[] = [];

  constructor(region: string) {
    this.region = region;
  }

  /** The id of an object's current version. */
  version(key: string): string {
    return `version-${this.stored.lastIndexOf(key)}`;
  }

  put(key: string, bytes: Buffer, headers: EncryptionHeaders): void {
    this.stored.push(key);
    this.objects.set(key, { bytes, checksum: sha256(bytes), ...encryptionOf(headers) });
  }

  begin(key: string, headers: EncryptionHeaders): string {
    const id = randomUUID();
    this.uploads.set(id, { key, parts: new Map(), ...encryptionOf(headers) });
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
    this.stored.push(key);
    const hashes = parts.map((bytes) => createHash('sha256').update(bytes).digest());
    this.objects.set(key, {
      bytes: Buffer.concat(parts),
      checksum: `${sha256(Buffer.concat(hashes))}-${parts.length}`,
      encryption: upload.encryption,
      kmsKeyId: upload.kmsKeyId,
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

  #upload(key: string, uploadId: string): Upload {
    const upload = this.uploads.get(uploadId);
    if (upload?.key !== key) throw new S3Refusal('NoSuchUpload', 404);
    return upload;
  }
}

export interface NamedPart {
  readonly number: number;
  readonly etag: string;
  readonly checksum: string;
}

export type EncryptionHeaders = Readonly<Record<string, string | string[] | undefined>>;

function encryptionOf(headers: EncryptionHeaders) {
  return {
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
