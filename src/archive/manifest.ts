import { z } from 'zod';
import { ARCHIVE_FORMATS, type ArchiveFormat } from '../config/config.ts';
import type { ChangeCounts } from '../model/change-counts.ts';
import type { ActionRequiredError } from '../model/errors.ts';
import { LOCK_MODES } from '../model/object-lock.ts';
import type { PrivacyRecord } from '../model/privacy.ts';
import {
  ARCHIVED_DATASETS,
  type ArchivedCounts,
  type ArchivedDataset,
  snapshotId,
} from '../model/snapshot.ts';
import { archiveUrlError } from './errors.ts';
import { manifestKey } from './layout.ts';

/** One stored part. */
export interface ManifestObject {
  /** Relative to the destination. */
  readonly key: string;
  readonly format: ArchiveFormat;
  readonly dataset: ArchivedDataset;
  readonly rows: number;
  readonly bytes: number;
  /** In lower-case hex. */
  readonly sha256: string;
  /** Of a part of `changes`: its rows by what they are about. */
  readonly changes?: ChangeCounts | undefined;
}

/** True for a part of `changes`. */
export function isChanges({ dataset }: Pick<ManifestObject, 'dataset'>): boolean {
  return dataset === 'changes';
}

/** True for a part of `settings`. */
export function isSettings({ dataset }: Pick<ManifestObject, 'dataset'>): boolean {
  return dataset === 'settings';
}

/** A link of the chain: a sealed snapshot and the SHA-256 of its manifest's bytes in hex. */
export interface ManifestLink {
  readonly snapshot: string;
  readonly sha256: string;
}

/** A published snapshot, as its manifest describes it. */
export interface PublishedSnapshot {
  readonly poolId: string;
  readonly snapshotAt: Date;
  readonly walkedAt: Date;
  readonly publishedAt: Date;
  readonly counts: ArchivedCounts;
  /** What is hidden in its rows. Absent or null: nothing. */
  readonly privacy?: PrivacyRecord | null | undefined;
  /** How many persons of the pool it leaves out, because they were forgotten. Absent: none. */
  readonly suppressed?: number | undefined;
}

export interface ManifestContent extends PublishedSnapshot {
  /** The program and its version, as `cognito-mirror/1.2.3`. */
  readonly program: string;
  readonly objects: readonly ManifestObject[];
  /** Null: its objects are not locked. */
  readonly lock: LockPromise | null;
  readonly previous: ManifestLink | null;
}

/** The newest version of the format that this program reads. It reads the earlier ones too. */
export const NEWEST_VERSION = 3;

/**
 * The version of a document that names these objects: the first one that has all that they need. Version 2
 * added the columns of MFA states to users; a manifest of version 1 has parts without them. Version 3
 * added the dataset `settings`.
 */
export function versionOf(objects: readonly Pick<ManifestObject, 'dataset'>[]): number {
  return objects.some(isSettings) ? 3 : 2;
}

/** Formats a manifest. The same content gives the same bytes, in any order of its objects. */
export function formatManifest(content: ManifestContent): Buffer {
  const { program, poolId, snapshotAt, walkedAt, publishedAt, counts, lock, previous } = content;
  const { privacy, suppressed = 0 } = content;
  const objects = toDocumentObjects(content.objects);
  const manifest = {
    version: versionOf(objects),
    program,
    poolId,
    snapshot: snapshotId(snapshotAt),
    snapshotAt: snapshotAt.toISOString(),
    walkedAt: walkedAt.toISOString(),
    publishedAt: publishedAt.toISOString(),
    counts: toDocumentCounts(counts),
    ...(privacy && { privacy: { omitted: privacy.omitted, hashed: privacy.hashed } }),
    ...(suppressed > 0 && { suppressed }),
    objects,
    ...(lock && {
      lock: { mode: lock.mode, partsUntil: lock.partsUntil, manifestUntil: lock.manifestUntil },
    }),
    previous: previous && { snapshot: previous.snapshot, sha256: previous.sha256 },
  };
  return Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
}

/** The counts as documents have them. */
export function toDocumentCounts(counts: ArchivedCounts): ArchivedCounts {
  const { users, groups, memberships, settings } = counts;
  return { users, groups, memberships, ...(settings !== undefined && { settings }) };
}

/** The objects as documents list them, by key. */
export function toDocumentObjects(objects: readonly ManifestObject[]): ManifestObject[] {
  return objects
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, format, dataset, rows, bytes, sha256, changes }) => ({
      key,
      format,
      dataset,
      rows,
      bytes,
      sha256,
      ...(changes && { changes }),
    }));
}

const COUNT = z.number().int().nonnegative();
export const SHA256 = z.string().regex(/^[0-9a-f]{64}$/);

export const TIME = z.iso.datetime();

/** The fields that a manifest and the documents beside it share. */
export const COMMON = {
  version: z.number().int().min(1).max(NEWEST_VERSION),
  program: z.string(),
  poolId: z.string(),
  snapshot: z.string(),
};
export const COUNTS = z.object({
  users: COUNT,
  groups: COUNT,
  memberships: COUNT,
  /** Absent: the snapshot keeps no settings. */
  settings: COUNT.optional(),
});
const KINDS = z.object({ added: COUNT, modified: COUNT, removed: COUNT });
const CHANGE_COUNTS = z.object({ users: KINDS, groups: KINDS, memberships: KINDS });
export const OBJECTS = z.array(
  z.object({
    key: z.string(),
    format: z.enum(ARCHIVE_FORMATS),
    dataset: z.enum(ARCHIVED_DATASETS),
    rows: COUNT,
    bytes: COUNT,
    sha256: SHA256,
    changes: CHANGE_COUNTS.optional(),
  }),
);

/** How long the objects of a snapshot are locked by S3 Object Lock, from when it was sealed. */
const LOCK = z.object({
  mode: z.enum(LOCK_MODES),
  partsUntil: TIME,
  /** Of the manifest and its signature. Not before `partsUntil`. */
  manifestUntil: TIME,
});

/** What the privacy rules hid: names of attributes, and for those that were hashed the id of the key. */
const PRIVACY = z.object({
  omitted: z.array(z.string()),
  hashed: z.record(z.string(), z.string()),
});

export type LockPromise = z.output<typeof LOCK>;

/** The fields that this program reads from an existing manifest. */
const MANIFEST = z.object({
  ...COMMON,
  walkedAt: TIME,
  publishedAt: TIME,
  counts: COUNTS,
  /** Absent: nothing was hidden. */
  privacy: PRIVACY.optional(),
  /** Absent: none. */
  suppressed: COUNT.optional(),
  objects: OBJECTS,
  /** Absent: nothing was locked. */
  lock: LOCK.optional(),
  previous: z.object({ snapshot: z.string(), sha256: SHA256 }).nullable(),
});

export type ParsedManifest = z.output<typeof MANIFEST>;

/** A manifest at a destination. */
export interface SealedManifest {
  readonly bytes: Buffer;
  readonly manifest: ParsedManifest;
}

/** Why a document cannot be read: the end of a sentence. */
export interface Unreadable {
  readonly problem: string;
}

/** Parses a manifest's bytes. Returns the problem if this program cannot read them. */
export function parseManifest(bytes: Buffer): ParsedManifest | Unreadable {
  return parseDocument(bytes, MANIFEST);
}

/** Parses the bytes of a manifest, or of a document beside it. */
export function parseDocument<T>(bytes: Buffer, schema: z.ZodType<T>): T | Unreadable {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return { problem: bytes.length === 0 ? 'it is empty' : 'it is not JSON' };
  }
  const { version } = (value ?? {}) as { version?: unknown };
  if (typeof version === 'number' && version > NEWEST_VERSION) {
    return {
      problem: `its format has version ${version}, and this program reads versions up to ${NEWEST_VERSION}`,
    };
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path = [], message = 'unknown problem' } = parsed.error.issues[0] ?? {};
  return { problem: `its field \`${path.join('.')}\` is wrong (${message})` };
}

/**
 * Returns true if a manifest describes a snapshot of another database. Two databases never agree in
 * the moments at which a snapshot was read and published.
 */
export function isFromAnotherMirror(
  { walkedAt, publishedAt }: PublishedSnapshot,
  manifest: ParsedManifest,
): boolean {
  return (
    manifest.walkedAt !== walkedAt.toISOString() ||
    manifest.publishedAt !== publishedAt.toISOString()
  );
}

/**
 * The error for a sealed archive that this run would change.
 *
 * @param sealed the manifest at the destination, or the reason why it is unknown.
 */
export function differentArchiveError(
  snapshot: PublishedSnapshot,
  sealed: ParsedManifest | { readonly problem: string },
): ActionRequiredError {
  const id = snapshotId(snapshot.snapshotAt);
  const key = manifestKey(snapshot.poolId, id);
  const problem = `the sealed archive of ${snapshot.poolId}/${id} there has other content than this run's (${key}`;
  if ('problem' in sealed) {
    return archiveUrlError(
      `${problem} cannot be read as a manifest: ${sealed.problem}).`,
      'Set ARCHIVE_URL to another destination, or restore the manifest.',
    );
  }
  if (isFromAnotherMirror(snapshot, sealed)) {
    return archiveUrlError(
      `${problem}). Another mirror with another database sealed it.`,
      'Give each database its own ARCHIVE_URL. The other database keeps this destination; a new chain starts at an empty one.',
    );
  }
  return archiveUrlError(
    `${problem} is by ${sealed.program}).`,
    'Archive the snapshot with the program version, the ARCHIVE_FORMATS and the privacy rules of that manifest, or set ARCHIVE_URL to another destination.',
  );
}
