import { snapshotId } from '../../model/snapshot.ts';
import type { Walk } from '../../postgres/store/walks.ts';
import type { SnapshotContext } from '../../snapshot/context.ts';
import { estimateRemaining } from '../../snapshot/expected-sizes.ts';
import type { Queues, WalkData } from './queues.ts';

/** The job of a snapshot, which waits for the jobs of its walks. */
interface SnapshotJob {
  readonly id: string;
  readonly requestId: number;
}

/**
 * Adds jobs for walks, as children of their snapshot's job.
 *
 * The longest walk of a snapshot has priority 1, the next one priority 2. So the longest walk of every
 * snapshot goes before the second longest of any: pools share the workers, and no long chain starts
 * last.
 *
 * @param open all walks of the snapshot that still have pages to read.
 */
export async function addWalkJobs(
  queues: Queues,
  context: SnapshotContext,
  snapshotJob: SnapshotJob,
  walks: readonly Walk[],
  open: readonly Walk[],
): Promise<void> {
  const { lease, expected } = context;
  const { id, requestId } = snapshotJob;
  const longestFirst = (a: Walk, b: Walk) =>
    estimateRemaining(b, expected) - estimateRemaining(a, expected);
  const ranks = new Map([...open].sort(longestFirst).map((walk, index) => [walk.id, index + 1]));
  const parent = { id, queue: queues.snapshots.qualifiedName };
  await queues.walks.addBulk(
    walks.map((walk) => ({
      name: walk.kind,
      data: {
        poolId: lease.poolId,
        requestId,
        snapshot: snapshotId(lease.snapshotAt),
        lease: lease.number,
        walk: walk.id,
      } satisfies WalkData,
      opts: {
        jobId: `${id}-walk-${walk.id}-${lease.number}`,
        parent,
        priority: Math.min(ranks.get(walk.id) ?? open.length, LOWEST_PRIORITY),
        // The other walks are read to their ends. The snapshot's job then reports what failed.
        ignoreDependencyOnFailure: true,
      },
    })),
  );
}

/**
 * The lowest priority, which all shorter walks share. It is less than the walks that a worker reads at
 * a time, so that one snapshot's walks cannot block all walks of another.
 */
const LOWEST_PRIORITY = 16;
