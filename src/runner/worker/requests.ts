import type { ArchiveResult } from '../../archive/write-archive.ts';
import type { Outcome } from '../../model/snapshot.ts';
import {
  endRequest,
  findOpenRequest,
  type SnapshotRequest,
} from '../../postgres/coordination/requests.ts';
import { findSnapshot, type SnapshotRow } from '../../postgres/store/snapshots.ts';
import { buildReport, logOutcome, toTraceEnd } from '../outcome.ts';
import type { JobDeps } from './deps.ts';
import { formatSnapshotJobId } from './queues.ts';

type RequestDeps = Pick<JobDeps, 'db' | 'tracing' | 'log' | 'notifier'>;

/** How a request ended. */
interface End {
  /** Its snapshot; null if it did not start one. */
  readonly snapshot: SnapshotRow | null;
  /** The archive, if this run of the job sealed it. */
  readonly archive?: ArchiveResult | null;
  /** Why it failed. */
  readonly reason?: string;
}

/** Ends a request. Only the process that ends it logs how, pings, and ends its trace. */
export async function completeRequest(
  { db, tracing, log, notifier }: RequestDeps,
  request: SnapshotRequest,
  outcome: Exclude<Outcome, 'interrupted'>,
  { snapshot, archive, reason }: End,
): Promise<void> {
  const { id, poolId, runId } = request;
  const why = reason ?? snapshot?.reason ?? null;
  const seconds = await endRequest(db, id, outcome === 'archived' ? 'done' : outcome, why);
  if (seconds === null) return;
  const run = { seconds, reason: why, archive: archive ?? null };
  const report = buildReport(poolId, snapshot, run);
  logOutcome(log, outcome, report);
  tracing?.join(poolId, formatSnapshotJobId(request)).end(toTraceEnd(outcome, report));
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
