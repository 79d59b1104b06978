import type { ArchiveResult } from '../../archive/archive-request.ts';
import type { Outcome } from '../../model/snapshot.ts';
import { findSnapshot, type SnapshotRow } from '../../postgres/store/snapshots.ts';
import { endRequest, findOpenRequest, type Request } from '../../postgres/work/requests.ts';
import { logOutcome, reportOf } from '../outcome.ts';
import type { JobParts } from './parts.ts';

/** What came of a request. */
interface End {
  /** Its snapshot; null where none was begun. */
  readonly snapshot: SnapshotRow | null;
  /** The archive, where this turn of the job sealed it. */
  readonly archive?: ArchiveResult | undefined;
  /** Why it failed. */
  readonly reason?: string;
}

/** Ends a request, and logs how: by the process that ends it, and by no other. */
export async function endRequested(
  { db, log }: Pick<JobParts, 'db' | 'log'>,
  { id, poolId }: Request,
  outcome: Exclude<Outcome, 'interrupted'>,
  { snapshot, archive, reason }: End,
): Promise<void> {
  const why = reason ?? snapshot?.reason ?? null;
  const seconds = await endRequest(db, id, outcome === 'archived' ? 'done' : outcome, why);
  if (seconds === null) return;
  const run = { seconds, reason: why, archive: archive ?? null };
  logOutcome(log, outcome, reportOf(poolId, snapshot, run));
}

/** Ends a request as failed, with the snapshot that was begun for it, and logs that. */
export async function failRequested(
  parts: Pick<JobParts, 'db' | 'log'>,
  request: Request,
  reason: string,
): Promise<void> {
  const { db } = parts;
  const at = (await findOpenRequest(db, request.id))?.snapshotAt ?? null;
  const snapshot = at && (await findSnapshot(db, request.poolId, at));
  await endRequested(parts, request, 'failed', { snapshot, reason });
}
