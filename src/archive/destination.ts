import type { Readable } from 'node:stream';
import type { LockMode } from '../model/object-lock.ts';

/** The size and hash by which bytes are recognized at any place. */
export interface Digest {
  readonly bytes: number;
  /** In lower-case hex. */
  readonly sha256: string;
}

/** A finished file on this machine. */
export interface LocalFile extends Digest {
  readonly path: string;
}

/** An object as its destination describes it. */
export interface ObjectHead {
  readonly bytes: number;
  /** In lower-case hex. */
  readonly sha256: string | null;
}

/** An object as a listing shows it. */
export interface StoredObject {
  /** Relative to the destination, with `/` between its parts. */
  readonly key: string;
  readonly bytes: number;
}

/** A version of an object, or a delete marker, as a listing shows it. */
export interface StoredVersion {
  readonly key: string;
  readonly versionId: string;
  /** True for the version that is read, and for the marker that hides the object. */
  readonly isLatest: boolean;
  /** Null: it is a delete marker. */
  readonly bytes: number | null;
  readonly storedAt: Date | null;
}

/** How long a version of an object is locked. */
export interface Retention {
  readonly mode: LockMode;
  readonly until: Date;
}

/** An object to lock. */
export interface LockTarget extends Digest {
  readonly key: string;
  /** What `put` returned for it. Null: its current version, if that has these bytes. */
  readonly versionId: string | null;
}

/**
 * What a destination says about the lock of an object: it has one, it has none, the reader may not see
 * it, or the destination has no Object Lock.
 */
export type LockState =
  | ({ readonly state: 'locked' } & Retention)
  | { readonly state: 'unlocked' | 'hidden' | 'unsupported' };

/** An object that was not deleted, because Object Lock protects it. */
export interface ProtectedObject {
  readonly key: string;
  /** When the retention of its last version ends. Null if unknown, or if only a legal hold protects it. */
  readonly until: Date | null;
  /** True if a legal hold protects it: it stays until a person lifts the hold. */
  readonly isHeld: boolean;
}

/**
 * A folder or a bucket that holds archives. Keys are relative to it. Methods throw
 * `ActionRequiredError` if a person must change something, `ResumableError` if another run may
 * succeed, and the signal's reason once it is aborted.
 */
export interface Destination {
  /** For messages and logs. */
  readonly url: string;

  /**
   * Proves that the destination exists and can be listed, written, read and cleared with the
   * requests that an archive makes. Leaves nothing, except one small object that a bucket retains.
   *
   * @param lockMode with it, also proves that objects can be locked.
   */
  check(signal: AbortSignal, lockMode?: LockMode | null): Promise<void>;

  /**
   * Reads what protects the destination, after `check`. It needs rights that an archive does not need;
   * what it may not read is null.
   */
  inspect(signal: AbortSignal): Promise<DestinationFacts>;

  /**
   * Stores a file and replaces any object of this key. On return, the object is complete and
   * durable, and its size and SHA-256 were compared with the file's. On failure, the key holds the
   * old object or all of the new bytes, never a part of them.
   *
   * @returns the id of its version; null if the destination keeps no versions.
   */
  put(key: string, file: LocalFile, signal: AbortSignal): Promise<string | null>;

  /**
   * Stores a small file as `put` does, but never replaces an object.
   *
   * @returns true if it stored the file, false if the key has an object.
   */
  create(key: string, file: LocalFile, signal: AbortSignal): Promise<boolean>;

  /** Lists every object whose key starts with a prefix that ends in a slash, in any order. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<StoredObject>;

  /**
   * Lists every version and delete marker under a prefix, which may be a key. Nothing if the destination
   * keeps no versions.
   *
   * @returns null if the reader may not list them.
   */
  listVersions(prefix: string, signal: AbortSignal): Promise<readonly StoredVersion[] | null>;

  /**
   * Describes an object without reading it. Returns null if it does not exist. `sha256` is null if the
   * destination does not know it.
   */
  head(key: string, signal: AbortSignal): Promise<ObjectHead | null>;

  /**
   * Returns an object's bytes, or null if it does not exist. Throws `ColdStorageError`.
   *
   * @param versionId one of its versions, in a bucket that keeps them; by default the current one.
   */
  read(key: string, signal: AbortSignal, versionId?: string): Promise<Readable | null>;

  /**
   * Locks one version of an object, and never another one. A lock that is as strong and as long stays;
   * none is ever shortened. So it may run again.
   *
   * @throws ActionRequiredError also if the object does not have the bytes of the target.
   */
  lock(target: LockTarget, retention: Retention, signal: AbortSignal): Promise<void>;

  /** Finds out how the current version of an object is locked. */
  readLock(key: string, signal: AbortSignal): Promise<LockState>;

  /** The path of an object if it is a file of this machine, whether it exists or not; else null. */
  localPath(key: string): string | null;

  /**
   * Deletes objects; in a bucket that keeps versions (`check` finds out) every version and delete marker
   * of each. Ignores keys without an object. A version that Object Lock protects stays, and is visible.
   *
   * @returns the objects that stay.
   */
  delete(keys: readonly string[], signal: AbortSignal): Promise<readonly ProtectedObject[]>;

  /** Finds the objects that `delete` would leave, as far as this reader may see locks. Deletes nothing. */
  findProtected(keys: readonly string[], signal: AbortSignal): Promise<readonly ProtectedObject[]>;

  /**
   * Deletes a small object that is not evidence, such as a lock. If Object Lock protects it, it gets a
   * delete marker: listings and reads no longer find it.
   *
   * @returns false if it stays visible.
   */
  hide(key: string, signal: AbortSignal): Promise<boolean>;
}

/** What protects a destination. */
export interface DestinationFacts {
  readonly keepsVersions: boolean;
  /** How S3 encrypted the object on trial, such as `aws:kms`. Null: it does not say. */
  readonly encryption: string | null;
  /** Null: the reader may not see the rules. */
  readonly lifecycle: Lifecycle | null;
}

/** The lifecycle rules of a bucket, as far as they concern an archive. */
export interface Lifecycle {
  /** After how many days a rule aborts uploads that were not completed. Null: none does. */
  readonly abortsUploadsAfterDays: number | null;
  /** The rules that expire manifests or move them to another storage class, by id. */
  readonly ofManifests: readonly string[];
}
