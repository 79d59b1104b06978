import type pg from 'pg';
import type { ArchiveResult } from '../archive/write-archive.ts';
import { formatCommand } from '../common/command.ts';
import { ActionRequiredError } from '../model/errors.ts';
import { isSameRecord } from '../model/privacy.ts';
import { type SnapshotKey, snapshotId } from '../model/snapshot.ts';
import { removeLeftovers } from '../postgres/coordination/leftovers.ts';
import { endTransactionsOfLostWorkers } from '../postgres/coordination/workers.ts';
import { type SnapshotLease, takeLease } from '../postgres/store/leases.ts';
import { findSnapshot, type SnapshotRow } from '../postgres/store/snapshots.ts';
import { TRANSITIONS } from '../postgres/store/states.ts';
import { discardSnapshot } from '../postgres/store/transitions.ts';
import { type ArchiveContext, archivePublished } from '../snapshot/archive.ts';
import { publish } from '../snapshot/publish.ts';
import { finishErasures } from './finish-erasures.ts';
import { otherRulesError } from './other-rules.ts';
import {
  buildReport,
  explainOutcome,
  type SnapshotReport,
  saveOutcome,
  toTraceEnd,
} from './outcome.ts';
import { retain } from './retention.ts';
import type { SessionDeps } from './session.ts';

/**
 * Publishes and archives a held snapshot, after a person inspected it. Its outcome becomes the pool's
 * last attempt.
 *
 * @throws ActionRequiredError if the snapshot is not held, or was read with other privacy rules.
 * @throws SnapshotFailedError if a later snapshot was published, or its stage is gone.
 */
export async function releaseHeld(
  context: ArchiveContext,
  key: SnapshotKey,
  {
    historyDays,
    keep: rule,
    notifier,
    trace,
  }: Pick<SessionDeps, 'historyDays' | 'keep' | 'notifier' | 'trace'>,
  signal: AbortSignal,
): Promise<SnapshotReport> {
  const startedAt = performance.now();
  const { db, progress } = context;
  const { poolId } = key;
  progress.onPhaseEnd((phase, seconds) => trace?.recordPhase(phase, seconds));
  const snapshot = snapshotId(key.snapshotAt);
  const lease = await takeHeldLease(db, key);
  if (!isSameRecord(lease.privacy, context.privacy.database.record)) throw otherRulesError(key);
  const ended = (reason: string | null) =>
    notifier?.runEnded({ ...key, runId: null, succeeded: reason === null, reason });
  try {
    await publish({ db, lease, progress, log: context.log }, 'held', historyDays, signal);
    const sealed = await archivePublished(context, poolId, signal);
    await finishErasures(context, poolId, signal);
    await retain({ ...context, rule }, poolId, signal);
    await saveOutcome(context, poolId, { outcome: 'archived', snapshot, why: null });
    ended(null);
    const report = await readReport(db, key, startedAt, sealed.get(snapshot) ?? null);
    progress.phase = 'done';
    trace?.end(toTraceEnd('archived', report));
    return report;
  } catch (why) {
    const outcome = signal.aborted ? 'interrupted' : 'failed';
    await saveOutcome(context, poolId, { outcome, snapshot, why });
    ended(explainOutcome(why));
    progress.phase = 'done';
    const seconds = (performance.now() - startedAt) / 1000;
    const failure = outcome === 'failed' ? explainOutcome(why) : null;
    trace?.end({ outcome, seconds, failure, attributes: { snapshot } });
    throw why;
  }
}

/**
 * Ends a snapshot that is held or being read. The current state stays. A process that reads the
 * snapshot stops.
 *
 * @throws ActionRequiredError if the snapshot is in another state.
 */
export async function discard(db: pg.Pool, key: SnapshotKey): Promise<SnapshotReport> {
  const startedAt = performance.now();
  const { poolId, snapshotAt } = key;
  await endTransactionsOfLostWorkers(db);
  const row = await findSnapshot(db, poolId, snapshotAt);
  const lease = await takeLease(db, poolId, TRANSITIONS.discard.from, snapshotAt);
  if (row === null || lease === null) throw createStateError(key, row, 'held or walking');
  const before = row.state === 'held' ? 'it was held' : 'it had stopped';
  const reason = row.reason === null ? '.' : `; ${before}: ${row.reason}`;
  await discardSnapshot(db, lease, `Discarded by a person${reason}`);
  await removeLeftovers(db);
  return readReport(db, key, startedAt, null);
}

async function readReport(
  db: pg.Pool,
  { poolId, snapshotAt }: SnapshotKey,
  startedAt: number,
  archive: ArchiveResult | null,
): Promise<SnapshotReport> {
  const seconds = Math.round(performance.now() - startedAt) / 1000;
  const row = await findSnapshot(db, poolId, snapshotAt);
  return buildReport(poolId, row, { reason: null, seconds, archive });
}

async function takeHeldLease(db: pg.Pool, key: SnapshotKey): Promise<SnapshotLease> {
  const { poolId, snapshotAt } = key;
  const lease = await takeLease(db, poolId, TRANSITIONS.release.from, snapshotAt);
  if (lease === null) {
    throw createStateError(key, await findSnapshot(db, poolId, snapshotAt), 'held');
  }
  return lease;
}

function createStateError(
  { poolId, snapshotAt }: SnapshotKey,
  row: SnapshotRow | null,
  states: string,
): ActionRequiredError {
  return new ActionRequiredError([
    {
      subject: `${poolId}/${snapshotId(snapshotAt)}`,
      problem:
        row === null
          ? 'this snapshot does not exist.'
          : `this snapshot is ${row.state}, not ${states}.`,
      remedy: `\`${formatCommand(['status', poolId])}\` lists the snapshots and their states.`,
    },
  ]);
}
