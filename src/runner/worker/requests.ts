import type { ArchiveResult } from '../../archive/write-archive.ts';
import type { Outcome } from '../../model/snapshot.ts';
import {
  endRequest,
  findOpenRequest,
  type SnapshotRequest,
} from '../../postgres/coordination/requests.ts';
import { findSnapshot, type SnapshotRow } from '../../postgres/store/snapshots.ts';
import { buildReport, logOutcome } from '../outcome.ts';
import type { JobDeps } from './deps.ts';

type RequestDeps = Pick<JobDeps, 'db' | 'log' | 'notifier'>;

/** How a request ended. */
interface End {
  /** Its snapshot; null if it did not start one. */
  readonly snapshot: SnapshotRow | null;
  /** The archive, if this run of the job sealed it. */
  readonly archive?: ArchiveResult | null;
  /** Why it failed. */
  readonly reason?: string;
}

/** Ends a request. Only the process that ends it logs how, and pings. */
export async function completeRequest(
  { db, log, notifier }: RequestDeps,
  { id, poolId, runId }: SnapshotRequest,
  outcome: Exclude<Outcome, 'interrupted'>,
  { snapshot, archive, reason }: End,
): Promise<void> {
  const why = reason ?? snapshot?.reason ?? null;
  const seconds = await endRequest(db, id, outcome === 'archived' ? 'done' : outcome, why);
  if (seconds === null) return;
  const run = { seconds, reason: why, archive: archive ?? null };
  logOutcome(log, outcome, buildReport(poolId, snapshot, run));
  const succeeded = outcome === 'archived';
  const snapshotAt = snapshot?.snapshotAt ?? null;
  notifier?.runEnded({ poolId, runId, succeeded, snapshotAt, reason: why });
}

/** Ends a request as failed, with the snapshot that was started for it. */
export async function failRequest(
  deps: RequestDeps,
  request: SnapshotRequest,
  reason: string,
): Promise<void> {
  const { db } = deps;
  const at = (await findOpenRequest(db, request.id))?.snapshotAt ?? null;
  const snapshot = at && (await findSnapshot(db, request.poolId, at));
  await completeRequest(deps, request, 'failed', { snapshot, reason });
}
