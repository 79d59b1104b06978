import { snapshotId } from '../../model/snapshot.ts';
import type { Walk } from '../../postgres/store/walks.ts';
import type { SnapshotContext } from '../../snapshot/context.ts';
import { estimateRemaining } from '../../snapshot/expected-sizes.ts';
import type { Queues, WalkData } from './queues.ts';

/** The job of a snapshot, which waits for the jobs of its walks. */
export interface SnapshotJob {
  readonly id: string;
  readonly requestId: number;
}

/**
 * Adds a job for each of some walks, as children of their snapshot's job.
 *
 * The longest walk of a snapshot has the best priority, the next one the next. So each snapshot's
 * longest go before any other's second longest: pools share the workers, and no pool's long chains
 * begin last.
 *
 * @param open all walks of the snapshot that are still to be read.
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
        priority: Math.min(ranks.get(walk.id) ?? open.length, LOWEST_RANK),
        // The others are read to their ends, and kept; the snapshot's job then says what failed.
        ignoreDependencyOnFailure: true,
      },
    })),
  );
}

/**
 * From here on walks are alike, and take turns: fewer than a worker reads at a time, so that those of
 * one snapshot cannot keep all of another's waiting.
 */
const LOWEST_RANK = 16;
