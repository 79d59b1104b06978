import type pg from 'pg';
import type { ArchiveResult } from '../../archive/write-archive.ts';
import { openCognito } from '../../cognito/client.ts';
import type { ArchiveFormat } from '../../config/config.ts';
import { InterruptedError } from '../../model/errors.ts';
import { type Outcome, snapshotId } from '../../model/snapshot.ts';
import { withoutRows } from '../../postgres/database-error.ts';
import { findSnapshot, findUnfinishedArchive } from '../../postgres/store/snapshots.ts';
import type { AccountBuckets } from '../../quota/account-buckets.ts';
import type { Buckets } from '../../quota/buckets.ts';
import { archivePublished, checkArchive } from '../../snapshot/archive.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { SnapshotProgress } from '../../telemetry/snapshot-progress.ts';
import { describeMirrored, type PoolDeps, type PoolDepsLookup } from '../describe-pool.ts';
import { buildReport, explainOutcome, type SnapshotReport, saveOutcome } from '../outcome.ts';
import { assertNoOpenRequest, lockPool } from './lock-pool.ts';
import { takeSnapshot } from './take-snapshot.ts';

/** What an inline run works with. */
export interface SyncDeps {
  readonly db: pg.Pool;
  readonly databaseUrl: string;
  readonly poolParts: PoolDepsLookup;
  /** Where a pool is read. */
  readonly regionOf: (poolId: string) => string;
  readonly formats: readonly ArchiveFormat[];
  readonly program: string;
  /** Where parts of the archive are made before they are stored. */
  readonly workFolder: string;
  readonly buckets: AccountBuckets;
  /** Whether the buckets are those of all who have the same Redis. */
  readonly quotaShared: boolean;
  readonly historyDays: number | null;
  readonly log: Logger;
}

/** How the run of one pool ended: the report, and the error that ended it, if one did. */
export interface PoolOutcome {
  readonly outcome: Outcome;
  readonly report: SnapshotReport;
  /** True where the run took up a snapshot that an earlier one left unfinished. */
  readonly resumed: boolean;
  readonly error: Error | null;
}

/** Watches the runs of pools. */
export interface SyncWatcher {
  /** Called before the run of a pool begins. */
  readonly onBegin?: (progress: SnapshotProgress) => void;
  /** Called when the run of a pool has ended. */
  readonly onEnd?: (ended: PoolOutcome) => void;
}

/**
 * Mirrors pools in this process: takes, publishes and archives a snapshot of each. Pools of one
 * Region share its quota and go one after the other; Regions go side by side. A pool that fails
 * leaves the others alone.
 *
 * @returns the outcomes, in the order of `poolIds`.
 */
export async function syncPools(
  deps: SyncDeps,
  poolIds: readonly string[],
  watcher: SyncWatcher,
  signal: AbortSignal,
): Promise<PoolOutcome[]> {
  const regions = new Map<string, string[]>();
  for (const poolId of poolIds) {
    const region = deps.regionOf(poolId);
    regions.set(region, [...(regions.get(region) ?? []), poolId]);
  }
  const outcomes = new Map<string, PoolOutcome>();
  const syncRegion = async (ofRegion: readonly string[]) => {
    for (const poolId of ofRegion) {
      const progress = new SnapshotProgress(poolId);
      watcher.onBegin?.(progress);
      const ended = await syncPool(deps, progress, signal);
      outcomes.set(poolId, ended);
      watcher.onEnd?.(ended);
    }
  };
  await Promise.all([...regions.values()].map(syncRegion));
  return poolIds.map((poolId) => outcomes.get(poolId) as PoolOutcome);
}

/** Never throws: what ends the run is part of its outcome. */
async function syncPool(
  deps: SyncDeps,
  progress: SnapshotProgress,
  signal: AbortSignal,
): Promise<PoolOutcome> {
  const { poolId } = progress;
  const begun = performance.now();
  const run: PoolRun = { snapshotAt: null, archive: null };
  let error: Error | null = null;
  try {
    await mirror(deps, progress, run, signal);
  } catch (failure) {
    error = withoutRows(failure as Error);
  }
  const at = run.snapshotAt ?? progress.key?.snapshotAt;
  // Where Postgres is the trouble, there is no row to be had, and the error says why.
  const row = at ? await findSnapshot(deps.db, poolId, at).catch(() => null) : null;
  const seconds = Math.round(performance.now() - begun) / 1000;
  const report = buildReport(poolId, row, {
    seconds,
    archive: run.archive,
    reason: explainOutcome(error),
  });
  const outcome = outcomeOf(report, error, signal);
  Object.assign(progress, { phase: 'done', outcome });
  const { snapshot, reason } = report;
  await saveOutcome(deps.db, poolId, { outcome, snapshot, why: error ?? reason });
  return { outcome, report, resumed: progress.resumed, error };
}

function outcomeOf(report: SnapshotReport, error: Error | null, signal: AbortSignal): Outcome {
  if (error === null) return report.state === 'held' ? 'held' : 'archived';
  return signal.aborted || error instanceof InterruptedError ? 'interrupted' : 'failed';
}

/** What a run has come to so far. */
interface PoolRun {
  snapshotAt: Date | null;
  archive: ArchiveResult | null;
}

async function mirror(
  deps: SyncDeps,
  progress: SnapshotProgress,
  run: PoolRun,
  signal: AbortSignal,
): Promise<void> {
  const { db, log } = deps;
  const { poolId, meter } = progress;
  const own = await deps.poolParts(poolId);
  const { role } = own;
  const pool = await describeMirrored({ ...deps, ...own }, poolId, meter, signal);
  const buckets = deps.buckets.of(pool.accountId, pool.region);
  const cognito = openCognito({ region: pool.region, role, buckets, meter, log });
  try {
    const hold = await lockPool(deps.databaseUrl, pool, deps.quotaShared, log);
    const stop = AbortSignal.any([signal, hold.lost]);
    try {
      await assertNoOpenRequest(db, poolId);
      if (await finishArchive({ ...deps, ...own }, progress, run, stop)) return;
      await checkArchive({ db, log, ...own }, poolId, stop);
      run.snapshotAt = await takeSnapshot(
        { ...deps, ...own, cognito, pool, progress, sideBySide: walksSideBySide(buckets) },
        stop,
      );
      const sealed = await archivePublished({ ...deps, ...own, progress }, poolId, stop);
      run.archive = sealed.get(snapshotId(run.snapshotAt)) ?? null;
    } finally {
      await hold.unlock();
    }
  } finally {
    cognito.close();
  }
}

/**
 * Takes up an unfinished run of lately that only lacks its archive. Snapshots of longer ago that
 * lack theirs do not keep a new one from being taken: they are archived before it, after it.
 *
 * @returns true where there was one, which is thereby done.
 */
async function finishArchive(
  deps: SyncDeps & PoolDeps,
  progress: SnapshotProgress,
  run: PoolRun,
  signal: AbortSignal,
): Promise<boolean> {
  const { poolId } = progress;
  const unfinished = await findUnfinishedArchive(deps.db, poolId);
  if (unfinished === null) return false;
  Object.assign(progress, { key: unfinished, resumed: true });
  run.snapshotAt = unfinished.snapshotAt;
  const sealed = await archivePublished({ ...deps, progress }, poolId, signal);
  run.archive = sealed.get(unfinished.snapshot) ?? null;
  return true;
}

/**
 * Many more than keep the bucket busy, as it gives its turns to the longest: a group of unknown size
 * may be the longest of all, and must begin before the parts of the pool, which fill any number of
 * places, are read. But each walk in hand is one that a resume may have to start again.
 */
function walksSideBySide(buckets: Buckets): number {
  return Math.min(40, Math.max(16, Math.ceil(buckets.usage('UserList').allowed * 2)));
}
