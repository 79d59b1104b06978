import { rm } from 'node:fs/promises';
import { makeWorkFolder } from '../common/folders.ts';
import type { ArchiveSummary, PartsSummary } from '../model/archive-summary.ts';
import { InterruptedError, ResumableError } from '../model/errors.ts';
import type { ArchiveLock } from '../model/object-lock.ts';
import { isSameRecord, type PrivacyRecord } from '../model/privacy.ts';
import { ARCHIVED_DATASETS, snapshotId } from '../model/snapshot.ts';
import { fingerprint } from '../signature/public-key.ts';
import { findChainPosition, type PreviousManifest } from './chain.ts';
import type { Destination } from './destination.ts';
import { manifestKey } from './layout.ts';
import { lockArchive, type SnapshotLock } from './lock.ts';
import {
  differentArchiveError,
  isFromAnotherMirror,
  isSettings,
  type ManifestLink,
  type ManifestObject,
  type PublishedSnapshot,
  type SealedManifest,
} from './manifest.ts';
import { promiseLock } from './object-lock.ts';
import { reuseSealed, type SealOptions, seal } from './seal.ts';
import { type PartsOptions, type SnapshotRows, writeParts } from './write-parts.ts';

/** The most rows of a part (the contract). */
const PART_ROWS = 250_000;

/** A published snapshot that is to be archived. */
export interface ArchiveRequest extends PublishedSnapshot {
  /** The last manifest before this snapshot that the database has recorded at the destination. */
  readonly previous: ManifestLink | null;
}

export interface ArchiveResult {
  /** The manifest's key. */
  readonly manifest: string;
  readonly manifestSha256: string;
  /** How many snapshots the archive has of the pool up to this one, which is included. */
  readonly snapshots: number;
  /** The stored parts and their bytes, without the manifest. */
  readonly objects: number;
  readonly bytes: number;
  readonly summary: ArchiveSummary;
  /** True if the manifest promises locks, which `lockSnapshot` adds. */
  readonly needsLocks: boolean;
  /** The ids of the versions of the parts that this run stored, by key. */
  readonly versions: ReadonlyMap<string, string>;
}

export interface ArchiveOptions
  extends Pick<PartsOptions, 'formats' | 'onRows' | 'onChangesUnknown' | 'signal'>,
    Pick<SealOptions, 'signer' | 'assertStillOwner' | 'onProtected'> {
  /** Called if the snapshot before hides other attributes: this one gets no `changes`. */
  readonly onRulesChanged?: () => void;
  /** How long its objects will be locked. Null: they are not. */
  readonly lock: ArchiveLock | null;
  /** The program and its version, as `cognito-mirror/1.2.3`. */
  readonly program: string;
  /** The id of the mirror's database. */
  readonly owner: string;
  /** The most rows of a part. */
  readonly partRows?: number;
  /** The parent of a private folder for the files of at most four parts. Created if missing. */
  readonly workFolder: string;
}

/**
 * Archives a published snapshot and seals it with a manifest. Another run, after success or
 * failure, ends with the same bytes. Throws `ActionRequiredError` if the destination contradicts
 * the request, refuses it, or is written by another mirror; `ResumableError` if another run may
 * succeed; and the signal's reason.
 */
export async function writeArchive(
  destination: Destination,
  request: ArchiveRequest,
  rows: SnapshotRows,
  options: ArchiveOptions,
): Promise<ArchiveResult> {
  const { signal, owner } = options;
  const { poolId } = request;
  signal.throwIfAborted();
  const folder = await makeWorkFolder(options.workFolder);
  try {
    const snapshot = snapshotId(request.snapshotAt);
    // Lock before reading the chain: afterwards no other mirror can seal this snapshot.
    const lock = await lockArchive(destination, { poolId, snapshot, owner, folder }, signal);
    let archive: ArchiveResult;
    try {
      archive = await writeLocked(destination, request, rows, { ...options, folder, held: lock });
    } catch (error) {
      if (await ownsSnapshot(options)) await lock.unlock();
      throw error;
    }
    if (!(await lock.unlock())) {
      options.onProtected?.([{ key: lock.key, until: null, isHeld: false }]);
    }
    return archive;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Returns true if this run still owns the snapshot. If not, another run of the same database may
 * rely on the lock, or takes it later.
 */
async function ownsSnapshot({ assertStillOwner, signal }: ArchiveOptions): Promise<boolean> {
  // An interrupted run still owns its snapshot and must end soon. A run that lost its job does not.
  if (signal.aborted) return signal.reason instanceof InterruptedError;
  try {
    await assertStillOwner();
  } catch (error) {
    // The rows drifted: this run owns the snapshot, but may not seal it. After any other error the lock
    // stays, also if Postgres did not answer: the next run of the same database takes it.
    if (!(error instanceof ResumableError)) return false;
  }
  return !signal.aborted;
}

/**
 * True if the rows of two snapshots compare. If they do not, no changes would lead from one to the next:
 * users that did not change would differ.
 */
function hidTheSame(previous: PreviousManifest | null, privacy: PrivacyRecord | null): boolean {
  if (previous === null) return true;
  if (previous.privacy === undefined) return privacy === null;
  return isSameRecord(previous.privacy, privacy);
}

/** An earlier version of the program, which archived no settings, may have sealed the snapshot. */
function asSealed(request: ArchiveRequest, sealed: SealedManifest | null): ArchiveRequest {
  if (sealed === null || sealed.manifest.objects.some(isSettings)) return request;
  return { ...request, counts: { ...request.counts, settings: undefined } };
}

async function writeLocked(
  destination: Destination,
  published: ArchiveRequest,
  rows: SnapshotRows,
  options: ArchiveOptions & { readonly folder: string; readonly held: SnapshotLock },
): Promise<ArchiveResult> {
  const { held, signal } = options;
  const { poolId, previous: known } = published;
  const snapshot = snapshotId(published.snapshotAt);
  const chain = await findChainPosition(destination, { poolId, snapshot, known }, signal);
  const { sealed, previous } = chain;
  const request = asSealed(published, sealed);
  if (sealed && isFromAnotherMirror(request, sealed.manifest)) {
    throw differentArchiveError(request, sealed.manifest);
  }
  let archive = await reuseSealed(destination, request, chain, options);
  let lock = sealed?.manifest.lock ?? null;
  const versions = new Map<string, string>();
  if (archive === null) {
    const partRows = options.partRows ?? PART_ROWS;
    const hasSameRules = hidTheSame(previous, request.privacy ?? null);
    if (!hasSameRules) options.onRulesChanged?.();
    const parts = { ...options, partRows, sealed, previous: hasSameRules ? previous : null };
    const objects = await writeParts(destination, request, rows, parts);
    for (const { key, versionId } of objects) if (versionId !== null) versions.set(key, versionId);
    // A sealed manifest keeps its dates.
    if (!sealed && options.lock) lock = promiseLock(options.lock, new Date());
    const content = { ...request, program: options.program, objects, lock, previous };
    const sha256 = await seal(destination, content, chain, {
      ...options,
      async assertStillOwner() {
        await options.assertStillOwner();
        await held.assertHeld(signal);
      },
    });
    archive = { sha256, objects };
  }
  return {
    manifest: manifestKey(poolId, snapshot),
    manifestSha256: archive.sha256,
    snapshots: chain.position,
    objects: archive.objects.length,
    bytes: archive.objects.reduce((sum, object) => sum + object.bytes, 0),
    summary: {
      parts: sumParts(archive.objects),
      signedBy: options.signer && fingerprint(options.signer.publicKey),
      lock,
    },
    needsLocks: lock !== null,
    versions,
  };
}

/** The parts by format and dataset, in the order of their keys. */
function sumParts(objects: readonly ManifestObject[]): PartsSummary[] {
  const sums = new Map<string, PartsSummary>();
  for (const { format, dataset, rows, bytes } of objects) {
    const name = `${format}/${dataset}`;
    const sum = sums.get(name) ?? { format, dataset, parts: 0, rows: 0, bytes: 0 };
    sums.set(name, {
      ...sum,
      parts: sum.parts + 1,
      rows: sum.rows + rows,
      bytes: sum.bytes + bytes,
    });
  }
  // A manifest that is written and one that is reused list their parts in different orders.
  const placeOf = ({ dataset }: PartsSummary) => ARCHIVED_DATASETS.indexOf(dataset);
  return [...sums.values()].sort(
    (a, b) => (a.format < b.format ? -1 : a.format > b.format ? 1 : 0) || placeOf(a) - placeOf(b),
  );
}
