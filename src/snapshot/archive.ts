import type pg from 'pg';
import { findChainPosition } from '../archive/chain.ts';
import type { Destination } from '../archive/destination.ts';
import { maskRows } from '../archive/mask-rows.ts';
import { lockSnapshot } from '../archive/object-lock.ts';
import { type ArchiveResult, writeArchive } from '../archive/write-archive.ts';
import { RowsMissingError } from '../archive/write-parts.ts';
import type { ArchiveFormat } from '../config/config.ts';
import { ResumableError, SnapshotFailedError } from '../model/errors.ts';
import type { ArchiveLock } from '../model/object-lock.ts';
import type { ArchivedCounts } from '../model/snapshot.ts';
import { removeLeftovers } from '../postgres/coordination/leftovers.ts';
import { readInstallationId } from '../postgres/coordination/workers.ts';
import { describeSafely } from '../postgres/database-error.ts';
import {
  assertStillOwner,
  findLastArchived,
  findLostArchive,
  findNextToArchive,
  listUnlocked,
  markLocked,
} from '../postgres/store/archived.ts';
import { type SnapshotLease, takeLease } from '../postgres/store/leases.ts';
import { countSettings } from '../postgres/store/setting-rows.ts';
import { openSnapshotChanges } from '../postgres/store/snapshot-changes.ts';
import { recordReason } from '../postgres/store/snapshot-notes.ts';
import { openSnapshotRows } from '../postgres/store/snapshot-rows.ts';
import { listUnarchived, type SnapshotRow } from '../postgres/store/snapshots.ts';
import { TRANSITIONS } from '../postgres/store/states.ts';
import { abandonArchive, markArchived } from '../postgres/store/transitions.ts';
import type { PoolPrivacy } from '../privacy/pool-privacy.ts';
import type { Signer } from '../signature/signer.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { SnapshotProgress } from '../telemetry/snapshot-progress.ts';
import { withProgress } from './context.ts';

/** How archives are written, whatever the pool. */
export interface ArchiveSettings {
  readonly formats: readonly ArchiveFormat[];
  /** Signs the manifests. Null: they get no signatures. */
  readonly signer: Signer | null;
  /** The program and its version, for the manifest. */
  readonly program: string;
  /** Where the parts are written, at most four at a time, before they are stored. */
  readonly workFolder: string;
}

/** What archiving a pool's snapshots needs. */
export interface ArchiveContext extends ArchiveSettings {
  readonly db: pg.Pool;
  readonly destination: Destination;
  /** How objects are locked from now on. Null: they are not. */
  readonly lock: ArchiveLock | null;
  /** What the pool's archive hides. */
  readonly privacy: PoolPrivacy;
  readonly progress: SnapshotProgress;
  readonly log: Logger;
}

/**
 * Archives every published snapshot of the pool that lacks its archive, oldest first, because the chain
 * requires that order. Rows are read as of their snapshot, so this may run at any time. Then locks what
 * their manifests promise, also those of a run that was killed before it could.
 *
 * @returns the sealed archives, by snapshot id.
 * @throws SnapshotFailedError if the newest can never be archived, because its rows were changed.
 */
export async function archivePublished(
  context: ArchiveContext,
  poolId: string,
  signal: AbortSignal,
): Promise<Map<string, ArchiveResult>> {
  // A run that was killed after publishing leaves its stage, which is as large as the pool.
  await removeLeftovers(context.db);
  const sealed = new Map<string, ArchiveResult>();
  for (const snapshot of await listUnarchived(context.db, poolId)) {
    context.progress.phase = 'archive';
    const archive = await archiveSnapshot(context, snapshot, signal);
    if (archive !== null) sealed.set(snapshot.snapshot, archive);
  }
  await lockSealed(context, poolId, [...sealed.values()], signal);
  const lost = await findLostArchive(context.db, poolId);
  if (lost !== null) {
    throw new SnapshotFailedError(
      `Snapshot ${lost.snapshot} of ${poolId} is published, but not archived. ${lost.reason} Take a new snapshot: run it again.`,
    );
  }
  return sealed;
}

async function archiveSnapshot(
  context: ArchiveContext,
  snapshot: SnapshotRow,
  signal: AbortSignal,
): Promise<ArchiveResult | null> {
  const { db, destination, formats, lock, signer, program, workFolder, progress, log } = context;
  const { poolId, snapshotAt } = snapshot;
  const mask = context.privacy.archiveMask(snapshot.privacy);
  const lease = await takeLease(db, poolId, TRANSITIONS.archive.from, snapshotAt);
  if (lease === null) return null;
  const counts: ArchivedCounts = {
    users: snapshot.users as number,
    groups: snapshot.groups as number,
    memberships: snapshot.memberships as number,
    settings: await countSettings(db, lease),
  };
  const rows = { done: 0, total: sumRows(counts) * formats.length };
  progress.counts = rows;
  try {
    const previous = await findLastArchived(db, poolId, destination.url);
    const owner = await readInstallationId(db);
    const archive = await withProgress({ db, lease, progress, log }, () =>
      writeArchive(
        destination,
        {
          poolId,
          snapshotAt,
          walkedAt: snapshot.walkedAt as Date,
          publishedAt: snapshot.publishedAt as Date,
          counts,
          privacy: mask.record,
          suppressed: snapshot.suppressed ?? 0,
          previous,
        },
        maskRows(
          {
            open: (dataset) => openSnapshotRows(db, lease, dataset),
            openChanges: (since) => openSnapshotChanges(db, lease, since),
          },
          mask,
        ),
        {
          formats,
          lock,
          signer,
          program,
          workFolder,
          signal,
          onRows: (stored) => {
            rows.done += stored;
          },
          owner,
          assertStillOwner: () => assertStillOwner(db, lease),
          onChangesUnknown: () =>
            log.warn(
              { poolId, snapshot: snapshot.snapshot },
              'archived without its changes: something else deleted rows of the history',
            ),
          onRulesChanged: () =>
            log.info(
              { poolId, snapshot: snapshot.snapshot },
              'archived without its changes: the privacy rules changed since the snapshot before',
            ),
          onProtected: (objects) =>
            log.warn(
              { poolId, snapshot: snapshot.snapshot, objects },
              'leftovers stay in the archive',
            ),
        },
      ),
    );
    await markArchived(db, lease, {
      destination: destination.url,
      manifest: archive.manifest,
      sha256: archive.manifestSha256,
      needsLocks: archive.needsLocks,
      summary: archive.summary,
    });
    return archive;
  } catch (error) {
    if (error instanceof RowsMissingError && (await isLost(db, lease))) {
      const reason = `It can never be archived, because something else changed its rows (${error.message})`;
      log.error({ poolId, snapshot: snapshot.snapshot }, 'a snapshot can never be archived');
      await abandonArchive(db, lease, reason);
      return null;
    }
    await recordArchiveFailure(db, lease, log, error as Error);
    throw error;
  }
}

/**
 * Locks the objects of sealed snapshots of the pool that still lack their locks. Postgres knows which:
 * years of objects are not asked for every night.
 */
async function lockSealed(
  { db, destination }: ArchiveContext,
  poolId: string,
  sealed: readonly ArchiveResult[],
  signal: AbortSignal,
): Promise<void> {
  const versions = new Map(sealed.flatMap((archive) => [...archive.versions]));
  for (const snapshot of await listUnlocked(db, poolId, destination.url)) {
    await lockSnapshot(destination, { poolId, ...snapshot }, versions, signal);
    await markLocked(db, poolId, snapshot.snapshot);
  }
}

/** Records why the archive was not written, for `status`. */
async function recordArchiveFailure(
  db: pg.Pool,
  lease: SnapshotLease,
  log: Logger,
  error: Error,
): Promise<void> {
  try {
    await recordReason(db, lease, describeSafely(error));
  } catch (unrecorded) {
    // The error itself is thrown and reported; usually Postgres is down.
    const reason = describeSafely(unrecorded);
    log.debug({ poolId: lease.poolId, reason }, 'could not record why an archive failed');
  }
}

/** True if rows differ from what was published, and no later snapshot will repair them. */
async function isLost(db: pg.Pool, lease: SnapshotLease): Promise<boolean> {
  try {
    await assertStillOwner(db, lease);
    return true;
  } catch (error) {
    if (error instanceof ResumableError) return false;
    throw error;
  }
}

function sumRows({ users, groups, memberships, settings = 0 }: ArchivedCounts): number {
  return users + groups + memberships + settings;
}

/**
 * Requires that the pool's archive is the one that the database knows: lists its manifests and reads the
 * last one.
 *
 * @throws ActionRequiredError if the last manifest is broken, missing, in the future, of a newer
 *   program, or differs from the one that the database knows.
 */
export async function requireKnownArchive(
  { db, destination }: Omit<CheckDeps, 'log'>,
  poolId: string,
  signal: AbortSignal,
): Promise<void> {
  const snapshot = await findNextToArchive(db, poolId);
  const known = await findLastArchived(db, poolId, destination.url);
  await findChainPosition(destination, { poolId, snapshot, known }, signal);
}

/**
 * Checks, before a pool is read, that its archive can be continued. If the destination fails
 * temporarily, it only warns: the snapshot is published now and archived later.
 *
 * @throws what `requireKnownArchive` throws, if a person must change something.
 */
export async function checkArchive(
  { db, destination, log }: CheckDeps,
  poolId: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await requireKnownArchive({ db, destination }, poolId, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ResumableError)) throw error;
    log.warn(
      { poolId, reason: error.message },
      'could not check the archive; the snapshot is taken anyway',
    );
  }
}

interface CheckDeps {
  readonly db: pg.Pool;
  readonly destination: Destination;
  readonly log: Logger;
}
