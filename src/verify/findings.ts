import type { ArchiveHead } from '../model/snapshot.ts';

/** What `verify` can find. */
export const FINDING_CODES = [
  /** A manifest or an object that another document names is not there. */
  'missing',
  /** The bytes are others than those that were sealed. */
  'altered',
  /** Bytes at the end are gone. */
  'truncated',
  /** Bytes follow after the end of what was sealed. */
  'appended',
  /** An object that no document names. */
  'extra',
  /** An object has another number of rows than its manifest says. */
  'rows',
  /** Columns or types differ from the contract, or the content cannot be read. */
  'schema',
  /** A document does not follow the one that it names. */
  'broken-chain',
  /** A document has no signature. */
  'unsigned',
  /** The signature is not one of these bytes. */
  'bad-signature',
  /** A key signed that the signers do not have. */
  'unknown-key',
  /** A key signed that was not valid then. */
  'expired-key',
  /** The archive does not have the manifest that a witness saw. */
  'head-missing',
  /** Another version, or a delete marker, was put over what was sealed, which is still there. */
  'replaced-version',
  /** An object is not locked as long as its manifest promises. */
  'unlocked',
] as const;
/** The code of a finding. Codes stay the same when the wording changes. */
export type FindingCode = (typeof FINDING_CODES)[number];

/** One thing that is wrong with an archive. It never quotes the data of rows. */
export interface Finding {
  readonly code: FindingCode;
  /** The object, relative to the archive. */
  readonly key: string;
  /** The snapshot's id; null if the finding is not about one. */
  readonly snapshot: string | null;
  /** A sentence. */
  readonly detail: string;
}

/** A key that made signatures of the archive. */
export interface SigningKey {
  /** As `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
  /** Whether it was allowed to sign all that it signed; `unchecked` without a file of signers. */
  readonly permission: 'allowed' | 'refused' | 'unchecked';
  /** Its principals in the file of signers; null if the key is not in it. */
  readonly principals: string | null;
  /** How many documents it signed. */
  readonly documents: number;
}

/** What `verify` saw of the locks that manifests promise. */
export interface LockSummary {
  /** The objects and documents that are locked as promised. */
  readonly locked: number;
  /**
   * Why locks were not compared: the reader may not see them (`hidden`), or this copy is in a place
   * without Object Lock (`unsupported`). Null: they were, or none is promised.
   */
  readonly unseen: 'hidden' | 'unsupported' | null;
}

/** What `verify` found out about the archive of one pool. */
export interface PoolVerification {
  readonly poolId: string;
  /** The archive. */
  readonly url: string;
  /** How many snapshots were checked, and the ids of the first and the last; null without any. */
  readonly snapshots: number;
  /** How many of them have a removal, as by retention: their objects are gone. */
  readonly removedSnapshots: number;
  readonly range: { readonly from: string; readonly to: string } | null;
  /** The objects that were checked, and their bytes as listed or read. */
  readonly objects: number;
  readonly bytes: number;
  /** The objects of which every byte was read: by the selection, none, some or all. */
  readonly objectsRead: number;
  /** That of the whole archive, whatever was checked; null if it has no manifest. */
  readonly head: ArchiveHead | null;
  /** How many manifests and amendments were checked, and the keys that signed them. */
  readonly documents: number;
  readonly keys: readonly SigningKey[];
  readonly locks: LockSummary;
  /** True if older versions of objects were not looked at, as the reader may not list them. */
  readonly unseenVersions: boolean;
  /** Parquet parts whose rows and columns were not checked, because DuckDB is not installed. */
  readonly unreadParquet: number;
  /** In the order of the snapshots. */
  readonly findings: readonly Finding[];
}

/** What is wrong with an archive outside of its pools. */
export interface ArchiveFindings {
  /** The archive. */
  readonly url: string;
  readonly findings: readonly Finding[];
}

/** What `verify` found out about pools and their archives. */
export interface Verification {
  readonly pools: readonly PoolVerification[];
  /** The archives with a finding outside of every pool. None if pools were named. */
  readonly outside: readonly ArchiveFindings[];
}
