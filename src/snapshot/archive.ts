import type pg from 'pg';
import { findChainPosition } from '../archive/chain.ts';
import type { Destination } from '../archive/destination.ts';
import { type ArchiveResult, writeArchive } from '../archive/write-archive.ts';
import { RowsMissingError } from '../archive/write-parts.ts';
import type { ArchiveFormat } from '../config/config.ts';
import { ResumableError, SnapshotFailedError } from '../model/errors.ts';
import type { Counts } from '../model/snapshot.ts';
import { withoutRows } from '../postgres/database-error.ts';
import {
  assertStillOwner,
  findLastArchived,
  findLostArchive,
  findNextToArchive,
} from '../postgres/store/archived.ts';
import { type SnapshotLease, takeLease } from '../postgres/store/leases.ts';
import { recordReason } from '../postgres/store/snapshot-notes.ts';
import { openSnapshotRows } from '../postgres/store/snapshot-rows.ts';
import { listUnarchived, type SnapshotRow } from '../postgres/store/snapshots.ts';
import { dropEndedStages } from '../postgres/store/stage.ts';
import { abandonArchive, markArchived } from '../postgres/store/transitions.ts';
import { installationId } from '../postgres/work/workers.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { SnapshotProgress } from '../telemetry/snapshot-progress.ts';
import { withProgress } from './context.ts';

/** What archiving works with. */
export interface ArchiveContext {
  readonly db: pg.Pool;
  readonly destination: Destination;
  readonly formats: readonly ArchiveFormat[];
  /** The program and its version, for the manifest. */
  readonly program: string;
  /** Where the parts are made, four at a time at most, before they are stored. */
  readonly workFolder: string;
  readonly progress: SnapshotProgress;
  readonly log: Logger;
}

/**
 * Archives every published snapshot of the pool that is not archived yet, oldest first, as they
 * must seal in order. Rows are read as of their snapshot, so it does not matter when this runs.
 *
 * @returns the archives that were sealed, by snapshot id.
 * @throws SnapshotFailedError where the newest can never be archived, as its rows were changed.
 */
export async function archivePublished(
  context: ArchiveContext,
  poolId: string,
  signal: AbortSignal,
): Promise<Map<string, ArchiveResult>> {
  // A run that was killed right after publishing left its stage, which is as large as the pool.
  await dropEndedStages(context.db);
  const sealed = new Map<string, ArchiveResult>();
  for (const snapshot of await listUnarchived(context.db, poolId)) {
    context.progress.phase = 'archive';
    const archive = await archiveSnapshot(context, snapshot, signal);
    if (archive !== null) sealed.set(snapshot.snapshot, archive);
  }
  const lost = await findLostArchive(context.db, poolId);
  if (lost !== null) {
    throw new SnapshotFailedError(
      `Snapshot ${lost.snapshot} of ${poolId} is published, but not archived. ${lost.reason} Take a new snapshot: run it again.`,
    );
  }
  return sealed;
}

async function archiveSnapshot(
  { db, destination, formats, program, workFolder, progress, log }: ArchiveContext,
  snapshot: SnapshotRow,
  signal: AbortSignal,
): Promise<ArchiveResult | null> {
  const { poolId, snapshotAt } = snapshot;
  const lease = await takeLease(db, poolId, 'published', snapshotAt);
  if (lease === null) return null;
  const counts: Counts = {
    users: snapshot.users as number,
    groups: snapshot.groups as number,
    memberships: snapshot.memberships as number,
  };
  const rows = { done: 0, total: rowsOf(counts) * formats.length };
  progress.counts = rows;
  try {
    const previous = await findLastArchived(db, poolId, destination.url);
    const owner = await installationId(db);
    const archive = await withProgress({ db, lease, progress, log }, () =>
      writeArchive(
        destination,
        {
          poolId,
          snapshotAt,
          walkedAt: snapshot.walkedAt as Date,
          publishedAt: snapshot.publishedAt as Date,
          counts,
          previous,
        },
        { open: (dataset) => openSnapshotRows(db, lease, dataset) },
        {
          formats,
          program,
          workFolder,
          signal,
          onRows: (stored) => {
            rows.done += stored;
          },
          owner,
          assertStillOwner: () => assertStillOwner(db, lease),
          onRetained: (keys) =>
            log.warn(
              { poolId, snapshot: snapshot.snapshot, keys },
              'leftovers stay in the archive',
            ),
        },
      ),
    );
    await markArchived(db, lease, {
      destination: destination.url,
      manifest: archive.manifest,
      sha256: archive.manifestSha256,
    });
    return archive;
  } catch (error) {
    if (error instanceof RowsMissingError && (await isLost(db, lease))) {
      const reason = `It can never be archived: something else changed its rows before it was (${error.message})`;
      log.error({ poolId, snapshot: snapshot.snapshot }, 'a snapshot can never be archived');
      await abandonArchive(db, lease, reason);
      return null;
    }
    await recordReason(db, lease, withoutRows(error as Error).message).catch(() => {});
    throw error;
  }
}

/** True where rows differ from what was published, and no later snapshot is going to repair them. */
async function isLost(db: pg.Pool, lease: SnapshotLease): Promise<boolean> {
  try {
    await assertStillOwner(db, lease);
    return true;
  } catch (error) {
    if (error instanceof ResumableError) return false;
    throw error;
  }
}

function rowsOf({ users, groups, memberships }: Counts): number {
  return users + groups + memberships;
}

/**
 * Checks, before a pool is read, that its archive can go on: one listing of its manifests, and the
 * last of them. Where the destination fails for now, it only warns: Postgres gets its snapshot, which
 * is archived later.
 *
 * @throws ConfigurationError where the last manifest is broken, missing, of the future or of a newer
 *   program, or is not the one that the database knows.
 */
export async function checkArchive(
  { db, destination, log }: CheckParts,
  poolId: string,
  signal: AbortSignal,
): Promise<void> {
  const snapshot = await findNextToArchive(db, poolId);
  const known = await findLastArchived(db, poolId, destination.url);
  try {
    await findChainPosition(destination, { poolId, snapshot, known }, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ResumableError)) throw error;
    log.warn(
      { poolId, reason: error.message },
      'the archive could not be checked, the snapshot is taken all the same',
    );
  }
}

interface CheckParts {
  readonly db: pg.Pool;
  readonly destination: Destination;
  readonly log: Logger;
}
