import type { Redis } from 'ioredis';
import { listOpenRequests, type SnapshotRequest } from '../../postgres/coordination/requests.ts';
import {
  listOverduePools,
  listSchedules,
  openDueRequest,
} from '../../postgres/coordination/schedules.ts';
import {
  type ArchivePlace,
  listDueVerifications,
} from '../../postgres/coordination/verifications.ts';
import type { JobDeps } from './deps.ts';
import { type ProblemLog, waitAfter } from './failures.ts';
import { addSnapshotJob, addVerificationJob, formatSnapshotJobId, type Queues } from './queues.ts';
import { failRequest } from './requests.ts';

/** How long a scheduler in Redis has to wake a worker itself. */
const OVERDUE_SECONDS = 3;

/** How long a snapshot's job that seemed to wait for nothing is remembered. */
const SEEN_MS = 15_000;

/**
 * Starts a pool's run, if it is due.
 *
 * @returns how long to wait until it starts, in milliseconds; 0 if there is nothing to wait for.
 */
export async function takeDueRun({ db, queues, log }: JobDeps, poolId: string): Promise<number> {
  const due = await openDueRequest(db, poolId);
  if (due.kind === 'wait') return due.ms;
  if (due.kind === 'requested') await addSnapshotJob(queues, due.request);
  if (due.kind === 'skipped') {
    log.warn({ poolId }, 'skipped a run, because the previous snapshot is still in progress');
  }
  return 0;
}

/**
 * Makes Redis match what Postgres holds. It starts overdue runs, if their scheduler was lost or no
 * worker ran; adds missing jobs of requests and of verifications; and corrects the schedulers if
 * their number differs.
 */
export class JobKeeper {
  readonly #deps: JobDeps;
  readonly #redis: Redis;
  readonly #logProblem: ProblemLog;

  constructor(deps: JobDeps, redis: Redis, logProblem: ProblemLog) {
    this.#deps = deps;
    this.#redis = redis;
    this.#logProblem = logProblem;
  }

  /** Checks everything once. A failure of one pool does not affect the others. */
  async keep(): Promise<void> {
    const { db, queues } = this.#deps;
    const schedulers = await queues.schedules.getJobSchedulersCount();
    const schedules = await listSchedules(db);
    if (schedulers !== schedules.length) {
      await keepSchedulers(this.#deps, this.#logProblem);
    }
    for (const poolId of await listOverduePools(db, OVERDUE_SECONDS)) {
      await this.#isolate(poolId, () => takeDueRun(this.#deps, poolId));
    }
    for (const request of await listOpenRequests(db)) {
      await this.#isolate(request.poolId, () => this.#keepJob(request));
    }
    await this.#keepVerifications(schedules.map(({ poolId }) => poolId));
  }

  async #keepVerifications(poolIds: readonly string[]): Promise<void> {
    const { db, queues, poolDeps, verification } = this.#deps;
    if (verification === null) return;
    const places: ArchivePlace[] = [];
    for (const poolId of poolIds) {
      // Another worker adds the jobs of pools that this one does not know.
      const settings = await poolDeps(poolId);
      if (settings !== null) places.push({ poolId, destination: settings.destination.url });
    }
    for (const poolId of await listDueVerifications(db, places)) {
      await this.#isolate(poolId, () => addVerificationJob(queues, poolId));
    }
  }

  async #isolate(poolId: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // If a server is down, the other pools would fail too.
      if (waitAfter(error) !== null) throw error;
      this.#logProblem(poolId, error);
    }
  }

  async #keepJob(request: SnapshotRequest): Promise<void> {
    const { queues } = this.#deps;
    const id = formatSnapshotJobId(request);
    const job = await queues.snapshots.getJob(id);
    const state = (await job?.getState()) ?? 'unknown';
    if (state === 'failed') {
      // It crashed every worker that ran it, or failed while Postgres was down.
      const reason = job?.failedReason ?? 'Its job failed without a reason.';
      await failRequest(this.#deps, request, reason);
    } else if (state === 'unknown' || state === 'completed') {
      await job?.remove();
      await addSnapshotJob(queues, request);
    } else if (state === 'waiting-children' && (await hasNoWalks(queues))) {
      // Only if seen twice, because the last of its walks may have ended a moment ago.
      if (!(await this.#wasIdle(id))) return;
      await job?.remove();
      await addSnapshotJob(queues, request);
    }
  }

  /** True if any worker saw the same a few seconds ago. */
  async #wasIdle(id: string): Promise<boolean> {
    const key = `${this.#deps.queues.prefix}:idle:${id}`;
    return (await this.#redis.set(key, '', 'PX', SEEN_MS, 'NX')) === null;
  }
}

/** True if no walk waits or runs: a job that waits for walks would wait without end. */
async function hasNoWalks({ walks }: Queues): Promise<boolean> {
  const counts = await walks.getJobCounts('wait', 'active', 'delayed', 'prioritized');
  return Object.values(counts).every((count) => count === 0);
}

/** Makes the job schedulers in Redis match the schedules in Postgres. */
export async function keepSchedulers(
  { db, queues }: JobDeps,
  logProblem: ProblemLog,
): Promise<void> {
  const schedules = await listSchedules(db);
  const existing = new Map(
    (await queues.schedules.getJobSchedulers(0, -1)).map((each) => [each.key, each]),
  );
  for (const { poolId, pattern, timezone } of schedules) {
    const scheduler = existing.get(poolId);
    existing.delete(poolId);
    if (scheduler?.pattern === pattern && scheduler.tz === timezone) continue;
    await queues.schedules
      .upsertJobScheduler(poolId, { pattern, tz: timezone }, { name: 'due', data: { poolId } })
      .catch((error: unknown) => logProblem(poolId, error));
  }
  for (const poolId of existing.keys()) await queues.schedules.removeJobScheduler(poolId);
}
