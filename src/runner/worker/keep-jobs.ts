import type { Redis } from 'ioredis';
import { listOpenRequests, type SnapshotRequest } from '../../postgres/work/requests.ts';
import { listSchedules, overduePools, takeDue } from '../../postgres/work/schedules.ts';
import type { JobDeps } from './deps.ts';
import { type ProblemLog, waitAfter } from './failures.ts';
import { addSnapshotJob, type Queues, snapshotJobId } from './queues.ts';
import { failRequest } from './requests.ts';

/** So long a scheduler in Redis is given to wake a worker itself. */
const OVERDUE_SECONDS = 3;

/** So long it is remembered that a snapshot's job seemed to wait for nothing. */
const SEEN_MS = 15_000;

/**
 * Takes up a pool's run, if it is due.
 *
 * @returns how long to wait until it begins, in milliseconds; 0 where there is nothing to wait for.
 */
export async function takeDueRun({ db, queues, log }: JobDeps, poolId: string): Promise<number> {
  const due = await takeDue(db, poolId);
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
export class JobKeeper {
  readonly #parts: JobDeps;
  readonly #redis: Redis;
  readonly #tell: ProblemLog;

  /** @param tell is told of a pool that fails. */
  constructor(deps: JobDeps, redis: Redis, tell: ProblemLog) {
    this.#parts = deps;
    this.#redis = redis;
    this.#tell = tell;
  }

  /** Looks after everything once. One pool that fails leaves the others alone. */
  async keep(): Promise<void> {
    const { db, queues } = this.#parts;
    const schedulers = await queues.schedules.getJobSchedulersCount();
    if (schedulers !== (await listSchedules(db)).length) {
      await keepSchedulers(this.#parts, this.#tell);
    }
    for (const poolId of await overduePools(db, OVERDUE_SECONDS)) {
      await this.#apart(poolId, () => takeDueRun(this.#parts, poolId));
    }
    for (const request of await listOpenRequests(db)) {
      await this.#apart(request.poolId, () => this.#keepJob(request));
    }
  }

  async #apart(poolId: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // A server is away: the others would fail alike.
      if (waitAfter(error) !== null) throw error;
      this.#tell(poolId, error);
    }
  }

  async #keepJob(request: SnapshotRequest): Promise<void> {
    const { queues } = this.#parts;
    const id = snapshotJobId(request);
    const job = await queues.snapshots.getJob(id);
    const state = (await job?.getState()) ?? 'unknown';
    if (state === 'failed') {
      // It took down every worker that had it, or failed while Postgres could not be told.
      await failRequest(
        this.#parts,
        request,
        job?.failedReason ?? 'Its job failed without a reason.',
      );
    } else if (state === 'unknown' || state === 'completed') {
      await job?.remove();
      await addSnapshotJob(queues, request);
    } else if (state === 'waiting-children' && (await hasNoWalks(queues))) {
      // Seen twice, as the last of its walks may have ended just now.
      if (!(await this.#seenIdle(id))) return;
      await job?.remove();
      await addSnapshotJob(queues, request);
    }
  }

  /** True where the same was seen a few seconds ago, whichever worker looked. */
  async #seenIdle(id: string): Promise<boolean> {
    const key = `${this.#parts.queues.prefix}:idle:${id}`;
    return (await this.#redis.set(key, '', 'PX', SEEN_MS, 'NX')) === null;
  }
}

/** True where no walk waits or is read: what waits for walks would wait for ever. */
async function hasNoWalks({ walks }: Queues): Promise<boolean> {
  const counts = await walks.getJobCounts('wait', 'active', 'delayed', 'prioritized');
  return Object.values(counts).every((count) => count === 0);
}

/**
 * Makes the job schedulers in Redis those that Postgres knows of.
 *
 * @param tell is told of a pool that fails; the others are made all the same.
 */
export async function keepSchedulers({ db, queues }: JobDeps, tell: ProblemLog): Promise<void> {
  const schedules = await listSchedules(db);
  const there = new Map(
    (await queues.schedules.getJobSchedulers(0, -1)).map((each) => [each.key, each]),
  );
  for (const { poolId, pattern, timezone } of schedules) {
    const scheduler = there.get(poolId);
    there.delete(poolId);
    if (scheduler?.pattern === pattern && scheduler.tz === timezone) continue;
    await queues.schedules
      .upsertJobScheduler(poolId, { pattern, tz: timezone }, { name: 'due', data: { poolId } })
      .catch((error: unknown) => tell(poolId, error));
  }
  for (const poolId of there.keys()) await queues.schedules.removeJobScheduler(poolId);
}
