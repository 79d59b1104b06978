import type pg from 'pg';
import { commandLine } from '../config/command-line.ts';
import { ActionRequiredError } from '../model/errors.ts';
import { type SnapshotKey, snapshotId } from '../model/snapshot.ts';
import { type SnapshotLease, takeLease } from '../postgres/store/leases.ts';
import { findSnapshot, type SnapshotRow } from '../postgres/store/snapshots.ts';
import { dropEndedStages } from '../postgres/store/stage.ts';
import { discardSnapshot } from '../postgres/store/transitions.ts';
import { endTransactionsOfLostWorkers } from '../postgres/work/workers.ts';
import { type ArchiveContext, archivePublished } from '../snapshot/archive.ts';
import { publish } from '../snapshot/publish.ts';
import { buildReport, type SnapshotReport, saveOutcome } from './outcome.ts';

/**
 * Publishes and archives a held snapshot: a person has looked at it. How it ends is the pool's last
 * attempt.
 *
 * @throws ConfigurationError where it is not held.
 * @throws SnapshotFailedError where a later snapshot was published, or its stage is gone.
 */
export async function releaseHeld(
  context: ArchiveContext,
  key: SnapshotKey,
  historyDays: number | null,
  signal: AbortSignal,
): Promise<SnapshotReport> {
  const begun = performance.now();
  const { db, progress } = context;
  const { poolId } = key;
  const snapshot = snapshotId(key.snapshotAt);
  const lease = await requireHeld(db, key);
  try {
    await publish({ db, lease, progress }, 'held', historyDays, signal);
    const sealed = await archivePublished(context, poolId, signal);
    await saveOutcome(context, poolId, { outcome: 'archived', snapshot, why: null });
    return await report(db, key, begun, sealed.get(snapshot) ?? null);
  } catch (why) {
    const outcome = signal.aborted ? 'interrupted' : 'failed';
    await saveOutcome(context, poolId, { outcome, snapshot, why });
    throw why;
  }
}

/**
 * Gives up a snapshot that is held or still being read; the current state stays as it is. A process
 * that reads it stops.
 *
 * @throws ConfigurationError where it is neither.
 */
export async function discard(db: pg.Pool, key: SnapshotKey): Promise<SnapshotReport> {
  const begun = performance.now();
  const { poolId, snapshotAt } = key;
  await endTransactionsOfLostWorkers(db);
  const row = await findSnapshot(db, poolId, snapshotAt);
  const lease =
    (await takeLease(db, poolId, 'held', snapshotAt)) ??
    (await takeLease(db, poolId, 'walking', snapshotAt));
  if (row === null || lease === null) throw notIn(key, row, 'held or walking');
  const before = row.state === 'held' ? 'it was held' : 'it had stopped';
  const reason = row.reason === null ? '.' : `; ${before}: ${row.reason}`;
  await discardSnapshot(db, lease, `Discarded by a person${reason}`);
  await dropEndedStages(db);
  return report(db, key, begun, null);
}

async function report(
  db: pg.Pool,
  { poolId, snapshotAt }: SnapshotKey,
  begun: number,
  archive: SnapshotReport['archive'],
): Promise<SnapshotReport> {
  const seconds = Math.round(performance.now() - begun) / 1000;
  return buildReport(poolId, await findSnapshot(db, poolId, snapshotAt), {
    reason: null,
    seconds,
    archive,
  });
}

async function requireHeld(db: pg.Pool, key: SnapshotKey): Promise<SnapshotLease> {
  const { poolId, snapshotAt } = key;
  const lease = await takeLease(db, poolId, 'held', snapshotAt);
  if (lease === null) throw notIn(key, await findSnapshot(db, poolId, snapshotAt), 'held');
  return lease;
}

function notIn(
  { poolId, snapshotAt }: SnapshotKey,
  row: SnapshotRow | null,
  states: string,
): ActionRequiredError {
  return new ActionRequiredError([
    {
      subject: `${poolId}/${snapshotId(snapshotAt)}`,
      problem: row === null ? 'there is no such snapshot.' : `it is ${row.state}, not ${states}.`,
      remedy: `\`${commandLine(['status', poolId])}\` shows the snapshots and where they stand.`,
    },
  ]);
}
