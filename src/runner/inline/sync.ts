import { randomUUID } from 'node:crypto';
import type { ArchiveResult } from '../../archive/write-archive.ts';
import { InterruptedError } from '../../model/errors.ts';
import type { Outcome } from '../../model/snapshot.ts';
import { withoutRows } from '../../postgres/database-error.ts';
import { createLeaseLostError } from '../../postgres/store/leases.ts';
import { findSnapshot } from '../../postgres/store/snapshots.ts';
import { SnapshotProgress } from '../../telemetry/snapshot-progress.ts';
import { NO_TRACE, type Tracing } from '../../telemetry/tracing.ts';
import { advance, begin } from '../advance.ts';
import type { PoolDepsLookup } from '../describe-pool.ts';
import {
  buildReport,
  explainOutcome,
  type SnapshotReport,
  saveOutcome,
  toTraceEnd,
} from '../outcome.ts';
import { openSession, type SessionDeps, type SnapshotSession } from '../session.ts';
import { lockPool, PoolBusyError, type PoolLock, takeOverRequest } from './lock-pool.ts';
import { runWalks } from './run-walks.ts';

/** What an inline run works with. */
export interface SyncDeps extends SessionDeps {
  readonly databaseUrl: string;
  readonly poolDeps: PoolDepsLookup;
  /** True if all processes with the same Redis share the buckets. */
  readonly quotaShared: boolean;
  /** Absent while traces are off. */
  readonly tracing?: Tracing | null;
}

/** A pool to mirror, and the Region whose quota it uses. */
export interface PoolInRegion {
  readonly poolId: string;
  readonly region: string;
}

/** How the run of one pool ended: the report, and the error that ended it, or null. */
export interface PoolOutcome {
  readonly outcome: Outcome;
  readonly report: SnapshotReport;
  /** True if the run resumed a snapshot that an earlier one left unfinished. */
  readonly resumed: boolean;
  readonly error: Error | null;
}

/** Watches the runs of pools. */
export interface SyncWatcher {
  /** Called before the run of a pool starts. */
  readonly onBegin?: (progress: SnapshotProgress) => void;
  /** Called when the run of a pool has ended. */
  readonly onEnd?: (ended: PoolOutcome) => void;
}

/**
 * Mirrors pools in this process: takes, publishes and archives a snapshot of each. Pools of one
 * Region share its quota and run one after the other; Regions run side by side. A failure of one pool
 * does not affect the others.
 *
 * @returns the outcomes, in the order of `pools`.
 */
export async function syncPools(
  deps: SyncDeps,
  pools: readonly PoolInRegion[],
  watcher: SyncWatcher,
  signal: AbortSignal,
): Promise<PoolOutcome[]> {
  const regions = new Map<string, string[]>();
  for (const { poolId, region } of pools) {
    regions.set(region, [...(regions.get(region) ?? []), poolId]);
  }
  const outcomes = new Map<string, PoolOutcome>();
  const syncRegion = async (ofRegion: readonly string[]) => {
    for (const poolId of ofRegion) {
      const progress = new SnapshotProgress(poolId);
      watcher.onBegin?.(progress);
      const ended = await syncPool(deps, poolId, progress, signal);
      outcomes.set(poolId, ended);
      watcher.onEnd?.(ended);
    }
  };
  await Promise.all([...regions.values()].map(syncRegion));
  return pools.map(({ poolId }) => outcomes.get(poolId) as PoolOutcome);
}

/** Never throws: the error that ended the run is part of its outcome. */
async function syncPool(
  deps: SyncDeps,
  poolId: string,
  progress: SnapshotProgress,
  signal: AbortSignal,
): Promise<PoolOutcome> {
  const { db, log, notifier } = deps;
  const startedAt = performance.now();
  const runId = randomUUID();
  let hasStarted = false;
  const trace = deps.tracing?.begin(poolId) ?? NO_TRACE;
  let session: SnapshotSession | null = null;
  let archive: ArchiveResult | null = null;
  let error: Error | null = null;
  try {
    const traced = { ...deps, trace };
    session = await openSession(traced, poolId, await deps.poolDeps(poolId), progress, signal);
    const onStart = () => {
      hasStarted = true;
      notifier?.runStarted(poolId, runId);
    };
    archive = await mirrorPool(deps, session, onStart, signal);
  } catch (failure) {
    error = withoutRows(failure as Error);
  }
  const key = session?.key ?? null;
  // If Postgres is the problem, the row cannot be read, and the error says why.
  const row = key && (await findSnapshot(db, poolId, key.snapshotAt).catch(() => null));
  const seconds = Math.round(performance.now() - startedAt) / 1000;
  const report = buildReport(poolId, row, { seconds, archive, reason: explainOutcome(error) });
  const outcome = classifyOutcome(report, error, signal);
  Object.assign(progress, { phase: 'done', outcome });
  trace.end(toTraceEnd(outcome, report));
  const { snapshot, reason } = report;
  // The run that has the pool records and reports how it ends: a refusal says nothing about the pool.
  if (!(error instanceof PoolBusyError)) {
    const why = error ?? reason;
    await saveOutcome({ db, log: session?.log ?? log }, poolId, { outcome, snapshot, why });
    const snapshotAt = key?.snapshotAt ?? null;
    const ended = { poolId, succeeded: outcome === 'archived', snapshotAt, reason };
    notifier?.runEnded({ ...ended, runId: hasStarted ? runId : null });
  }
  return { outcome, report, resumed: session?.resumed ?? false, error };
}

function classifyOutcome(
  report: SnapshotReport,
  error: Error | null,
  signal: AbortSignal,
): Outcome {
  if (error === null) return report.state === 'held' ? 'held' : 'archived';
  return signal.aborted || error instanceof InterruptedError ? 'interrupted' : 'failed';
}

/**
 * @param onStart is called once nothing else has the pool.
 * @returns the archive of the snapshot; null if it is held.
 * @throws PoolBusyError if another run or the workers have the pool.
 */
async function mirrorPool(
  { db, databaseUrl, quotaShared, log }: SyncDeps,
  session: SnapshotSession,
  onStart: () => void,
  signal: AbortSignal,
): Promise<ArchiveResult | null> {
  let lock: PoolLock | null = null;
  try {
    lock = await lockPool(databaseUrl, session.pool, quotaShared, log);
    await takeOverRequest(db, session.pool.poolId);
    onStart();
    return await takeSnapshot(session, AbortSignal.any([signal, lock.lost]));
  } finally {
    await session.close();
    await lock?.unlock();
  }
}

/** Takes the pool's snapshot from where it is to its end, and reads its walks in this process. */
async function takeSnapshot(
  session: SnapshotSession,
  signal: AbortSignal,
): Promise<ArchiveResult | null> {
  const { deps, pool } = session;
  const buckets = deps.buckets.of(pool.accountId, pool.region);
  await begin(session, { finishArchive: true }, signal);
  try {
    for (;;) {
      const next = await advance(session, signal);
      switch (next.kind) {
        case 'read':
          await runWalks(next.context, next.walks, buckets, signal);
          break;
        case 'ended':
          throw createLeaseLostError(pool.poolId);
        default:
          return next.archive;
      }
    }
  } catch (error) {
    await session.recordFailure(withoutRows(error as Error));
    throw error;
  }
}
