import { type Archived, checkArchive } from '../support/check-archive.ts';
import { type Fleet, until } from '../support/fleet.ts';
import { openFleetQueues } from '../support/job-queues.ts';
import type { S3Server } from '../support/s3-server.ts';
import { compareWithArchive, compareWithPool, stateAt, type Taken } from './check-snapshots.ts';
import type { Crew } from './crew.ts';
import type { PoolLog } from './pool-log.ts';
import { takeSample } from './sample.ts';

/** What a soak leaves. */
export interface End {
  /** How often what came. */
  readonly counts: Readonly<Record<string, number>>;
  /** What is not as it should be, each as a sentence. */
  readonly wrong: readonly string[];
}

/** A time that does not come. */
const NEVER = { MIRROR_SCHEDULE: '0 0 29 2 *' };

/** How many finished jobs a queue keeps of each kind. */
const MOST_KEPT = 1000;

/**
 * Lets what is open be done, takes a last snapshot of each pool, stops all workers, and checks what
 * is left: requests, snapshots, archives, jobs, stages, files and connections.
 *
 * @param logs by pool.
 */
export async function checkEnd(
  fleet: Fleet,
  s3: S3Server,
  crew: Crew,
  logs: ReadonlyMap<string, PoolLog>,
): Promise<End> {
  await crew.stop();
  await crew.start(1, NEVER);
  const pools = [...logs.keys()];
  await Promise.all(pools.map((poolId) => fleet.settled(poolId)));
  await fleet.rows(
    `INSERT INTO mirror.requests (pool_id, source) SELECT unnest($1::text[]), 'trigger'`,
    [pools],
  );
  await Promise.all(pools.map((poolId) => fleet.settled(poolId)));
  const jobs = await checkJobs(fleet);
  const { steady } = crew;
  await crew.stop();
  const left = await takeSample(fleet, steady, []);
  const nothingLeft = ['connections', 'stage tables', 'temporary files'].filter(
    (measure) => left[measure] !== 0,
  );
  const requests = await checkRequests(fleet);
  const snapshots = await checkSnapshots(fleet, s3, logs);
  return {
    counts: {
      ...requests.counts,
      ...snapshots.counts,
      'workers started': crew.all.length,
      'attempts at the service': fleet.simulator.attempts.total,
      'requests to S3': s3.requests.length,
      'uploads to S3 left by killed workers': s3.buckets.get('archive')?.uploads.size ?? 0,
    },
    wrong: [
      ...crew.wrong,
      ...crew.all.flatMap(({ output }) => errorsIn(output.stderr)),
      ...nothingLeft.map((measure) => `${measure} left at the end: ${left[measure]}`),
      ...jobs,
      ...requests.wrong,
      ...snapshots.wrong,
    ],
  };
}

/** What a worker's log calls an error. */
function errorsIn(log: string): string[] {
  return log
    .split('\n')
    .filter((line) => /^{.*"level":"(error|fatal)"/.test(line))
    .map((line) => `a worker said: ${line}`);
}

async function checkJobs(fleet: Fleet): Promise<string[]> {
  const queues = await openFleetQueues(fleet);
  try {
    const unfinished = ['wait', 'active', 'delayed', 'prioritized', 'waiting-children'] as const;
    await until('no job is open', async () => {
      for (const queue of [queues.snapshots, queues.walks]) {
        const counts = await queue.getJobCounts(...unfinished);
        if (Object.values(counts).some((count) => count > 0)) return false;
      }
      return true;
    });
    const wrong: string[] = [];
    for (const queue of [queues.schedules, queues.snapshots, queues.walks]) {
      for (const [kind, count] of Object.entries(await queue.getJobCounts('completed', 'failed'))) {
        if (count > MOST_KEPT) wrong.push(`${count} ${kind} jobs of ${queue.name} are kept`);
      }
    }
    return wrong;
  } finally {
    await queues.close();
  }
}

async function checkRequests(fleet: Fleet): Promise<End> {
  const requests = await fleet.rows<{ outcome: string; pool_id: string; reason: string | null }>(
    'SELECT pool_id, outcome, reason FROM mirror.requests ORDER BY id',
  );
  const count = (outcome: string) => requests.filter((each) => each.outcome === outcome).length;
  return {
    counts: { 'requests done': count('done'), 'requests skipped': count('skipped') },
    wrong: requests
      .filter(({ outcome }) => outcome !== 'done' && outcome !== 'skipped')
      .map(({ pool_id, outcome, reason }) => `a request of ${pool_id} ${outcome}: ${reason}`),
  };
}

async function checkSnapshots(
  fleet: Fleet,
  s3: S3Server,
  logs: ReadonlyMap<string, PoolLog>,
): Promise<End> {
  const wrong: string[] = [];
  let still = 0;
  let changing = 0;
  const snapshots = await fleet.rows<Taken & Archived & { state: string; reason: string | null }>(
    'SELECT * FROM directory.snapshots ORDER BY snapshot_at, pool_id',
  );
  const stored = s3.buckets.get('archive')?.objects ?? new Map();
  const objects = new Map([...stored].map(([key, { bytes }]) => [key, bytes]));
  for (const taken of snapshots) {
    if (taken.state !== 'archived') {
      wrong.push(`${taken.pool_id}/${taken.snapshot} is ${taken.state}: ${taken.reason}`);
      continue;
    }
    const state = await stateAt(fleet, taken);
    const compared = compareWithPool(logs.get(taken.pool_id) as PoolLog, taken, state);
    still += compared.still;
    changing += compared.changing;
    wrong.push(...compared.wrong, ...(await compareWithArchive(taken, state, objects)));
  }
  const archived = snapshots.filter(({ state }) => state === 'archived');
  return {
    counts: {
      'snapshots archived': archived.length,
      'objects archived': objects.size,
      'compared, unchanged': still,
      'compared, changed during the snapshot': changing,
    },
    wrong: [...wrong, ...checkArchive(archived, objects)],
  };
}
