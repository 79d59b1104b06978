import { rm } from 'node:fs/promises';
import { InterruptedError } from '../model/errors.ts';
import { snapshotId } from '../model/snapshot.ts';
import type { ArchiveRequest, ArchiveResult } from './archive-request.ts';
import { findChainPosition } from './chain.ts';
import type { Destination } from './destination.ts';
import { manifestKey } from './layout.ts';
import { type ArchiveLock, lockArchive } from './lock.ts';
import { reuseSealed, type SealOptions, seal } from './seal.ts';
import { explainDifferentManifest, isFromAnotherMirror } from './sealed-otherwise.ts';
import { makeWorkFolder } from './work-folder.ts';
import { type PartsOptions, type SnapshotRows, writeParts } from './write-parts.ts';

/** The most rows of a part (the contract). */
const PART_ROWS = 250_000;

export interface ArchiveOptions
  extends Pick<PartsOptions, 'formats' | 'onRows' | 'signal'>,
    Pick<SealOptions, 'onRetained'> {
  /** The program and its version, as `cognito-mirror/1.2.3`. */
  readonly program: string;
  /** The id of the mirror's database. */
  readonly owner: string;
  /** Throws if the snapshot is another runner's by now; called right before sealing. */
  readonly maySeal: () => Promise<void>;
  /** The most rows of a part. */
  readonly partRows?: number;
  /** Where a private folder for the files of four parts at most is made; it is made where missing. */
  readonly workFolder: string;
}

/**
 * Archives a published snapshot and seals it with a manifest. Running it again, after success or
 * failure, ends in the same bytes. Throws `ConfigurationError` where the destination contradicts
 * the request or refuses, or another mirror writes there, `ResumableError` where running it again
 * may do, and the signal's reason.
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
    // Before the chain is read: a manifest that another mirror seals cannot appear after that.
    const lock = await lockArchive(destination, { poolId, snapshot, owner, folder }, signal);
    let archive: ArchiveResult;
    try {
      const locked = { ...options, folder, maySeal: () => maySeal(options, lock) };
      archive = await writeLocked(destination, request, rows, locked);
    } catch (error) {
      if (await ownsSnapshot(options)) await lock.release();
      throw error;
    }
    if (!(await lock.release())) options.onRetained?.([lock.key]);
    return archive;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function maySeal({ maySeal: own, signal }: ArchiveOptions, lock: ArchiveLock): Promise<void> {
  await own();
  await lock.requireHeld(signal);
}

/**
 * True if this run still owns the snapshot. Otherwise a run of the same database may rely on the
 * lock, or takes it over later.
 */
async function ownsSnapshot({ maySeal: own, signal }: ArchiveOptions): Promise<boolean> {
  // A request to stop takes nothing from the run, unlike the loss of its job. It must end soon.
  if (signal.aborted) return signal.reason instanceof InterruptedError;
  try {
    await own();
  } catch {
    return false;
  }
  return !signal.aborted;
}

async function writeLocked(
  destination: Destination,
  request: ArchiveRequest,
  rows: SnapshotRows,
  options: ArchiveOptions & { readonly folder: string },
): Promise<ArchiveResult> {
  const { signal } = options;
  const { poolId, previous: known } = request;
  const snapshot = snapshotId(request.snapshotAt);
  const chain = await findChainPosition(destination, { poolId, snapshot, known }, signal);
  if (isFromAnotherMirror(request, chain.sealed))
    throw explainDifferentManifest(request, chain.sealed);
  const adopted = await reuseSealed(destination, request, chain, signal);
  if (adopted !== null) return adopted;
  const objects = await writeParts(destination, request, rows, {
    ...options,
    partRows: options.partRows ?? PART_ROWS,
    sealed: chain.sealed,
  });
  const content = { ...request, program: options.program, objects, previous: chain.previous };
  const manifestSha256 = await seal(destination, content, chain, options);
  return {
    manifest: manifestKey(poolId, snapshot),
    manifestSha256,
    objects: objects.length,
    bytes: objects.reduce((sum, object) => sum + object.bytes, 0),
  };
}
