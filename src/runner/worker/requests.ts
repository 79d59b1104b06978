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

/** How a request ended. */
interface End {
  /** Its snapshot; null if it did not start one. */
  readonly snapshot: SnapshotRow | null;
  /** The archive, if this run of the job sealed it. */
  readonly archive?: ArchiveResult | null;
  /** Why it failed. */
  readonly reason?: string;
}

/** Ends a request. Only the process that ends it logs how. */
export async function completeRequest(
  { db, log }: Pick<JobDeps, 'db' | 'log'>,
  { id, poolId }: SnapshotRequest,
  outcome: Exclude<Outcome, 'interrupted'>,
  { snapshot, archive, reason }: End,
): Promise<void> {
  const why = reason ?? snapshot?.reason ?? null;
  const seconds = await endRequest(db, id, outcome === 'archived' ? 'done' : outcome, why);
  if (seconds === null) return;
  const run = { seconds, reason: why, archive: archive ?? null };
  logOutcome(log, outcome, buildReport(poolId, snapshot, run));
}

/** Ends a request as failed, with the snapshot that was started for it. */
export async function failRequest(
  deps: Pick<JobDeps, 'db' | 'log'>,
  request: SnapshotRequest,
  reason: string,
): Promise<void> {
  const { db } = deps;
  const at = (await findOpenRequest(db, request.id))?.snapshotAt ?? null;
  const snapshot = at && (await findSnapshot(db, request.poolId, at));
  await completeRequest(deps, request, 'failed', { snapshot, reason });
}
