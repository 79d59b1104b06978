import type { Job } from 'bullmq';
import { parseSnapshotId } from '../../model/snapshot.ts';
import { joinLease } from '../../postgres/store/leases.ts';
import { readStageProgress } from '../../postgres/store/progress.ts';
import { findWalks } from '../../postgres/store/walks.ts';
import type { JobDeps } from './deps.ts';
import type { WalkData } from './queues.ts';

/**
 * Writes progress into this process's jobs of walks and into the jobs of their snapshots. It comes from
 * the checkpoints, so it includes what other processes and earlier runs read.
 */
export async function showProgress(
  { db, queues }: JobDeps,
  jobs: readonly Job<WalkData>[],
): Promise<void> {
  const bySnapshot = new Map<string, Job<WalkData>[]>();
  for (const job of jobs) {
    const { poolId, snapshot, lease: number } = job.data;
    const name = `${poolId}/${snapshot}/${number}`;
    bySnapshot.set(name, [...(bySnapshot.get(name) ?? []), job]);
  }
  for (const [first, ...others] of bySnapshot.values()) {
    if (!first) continue;
    const { poolId, snapshot, lease: number } = first.data;
    const lease = await joinLease(db, poolId, parseSnapshotId(snapshot) ?? new Date(0), number);
    if (lease === null) continue;
    const parent = await queues.snapshots.getJob(first.parent?.id ?? '');
    await parent?.updateProgress({
      phase: 'walk',
      walks: await readStageProgress(db, lease.stage),
    });
    const ofThisProcess = [first, ...others];
    const walks = new Map(
      (
        await findWalks(
          db,
          lease,
          ofThisProcess.map((job) => job.data.walk),
        )
      ).map((each) => [each.id, each]),
    );
    for (const job of ofThisProcess) {
      const { pages = 0, items = 0, expected = null } = walks.get(job.data.walk) ?? {};
      await job.updateProgress({ pages, items, expected });
    }
  }
}
