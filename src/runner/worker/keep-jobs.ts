import { endRequest, openRequests, type Request } from '../../postgres/state/requests.ts';
import { listSchedules, overduePools, takeDue } from '../../postgres/state/schedules.ts';
import { timesAfter } from './due-times.ts';
import type { JobParts } from './parts.ts';
import { addSnapshotJob, snapshotJobId } from './queues.ts';

/** So long a scheduler in Redis is given to wake a worker itself. */
const OVERDUE_SECONDS = 3;

/**
 * Takes up a pool's run, if it is due.
 *
 * @returns how long to wait until it begins, in milliseconds; 0 where there is nothing to wait for.
 */
export async function takeDueRun({ db, queues, log }: JobParts, poolId: string): Promise<number> {
  const due = await takeDue(db, poolId, timesAfter);
  if (due.kind === 'wait') return due.ms;
  if (due.kind === 'asked') await addSnapshotJob(queues, due.request);
  if (due.kind === 'skipped') {
    log.warn({ poolId }, 'a run was skipped, as the snapshot before is still in progress');
  }
  return 0;
}

/**
 * Sees to it that everything Postgres knows of has its job in Redis: runs that are overdue, as their
 * scheduler was lost or no worker ran; requests whose job was lost, or was never made; and the
 * schedulers, where Redis has more or fewer of them.
 */
export async function keepJobs(parts: JobParts): Promise<void> {
  const { db, queues } = parts;
  const schedulers = await queues.schedules.getJobSchedulersCount();
  if (schedulers !== (await listSchedules(db)).length) await keepSchedulers(parts);
  for (const poolId of await overduePools(db, OVERDUE_SECONDS)) await takeDueRun(parts, poolId);
  for (const request of await openRequests(db)) await keepJob(parts, request);
}

async function keepJob({ db, queues }: JobParts, request: Request): Promise<void> {
  const job = await queues.snapshots.getJob(snapshotJobId(request.id));
  if (!job) {
    await addSnapshotJob(queues, request);
  } else if (await job.isFailed()) {
    // It took down every worker that had it, or failed while Postgres could not be told.
    await endRequest(db, request.id, 'failed', job.failedReason ?? null);
  }
}

/** Makes the job schedulers in Redis those that Postgres knows of. */
export async function keepSchedulers({ db, queues }: JobParts): Promise<void> {
  const schedules = await listSchedules(db);
  const there = new Map(
    (await queues.schedules.getJobSchedulers(0, -1)).map((each) => [each.key, each]),
  );
  for (const { poolId, pattern, timezone } of schedules) {
    const scheduler = there.get(poolId);
    there.delete(poolId);
    if (scheduler?.pattern === pattern && scheduler.tz === timezone) continue;
    await queues.schedules.upsertJobScheduler(
      poolId,
      { pattern, tz: timezone },
      { name: 'due', data: { poolId } },
    );
  }
  for (const poolId of there.keys()) await queues.schedules.removeJobScheduler(poolId);
}
