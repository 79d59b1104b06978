import { pruneHistory } from '../postgres/store/prune-history.ts';
import { analyzeKeys, publish as publishStage } from '../postgres/store/publish.ts';
import { dropEndedStages } from '../postgres/store/stage.ts';
import type { PublishableState } from '../postgres/store/transitions.ts';
import type { SnapshotContext } from './context.ts';

/**
 * Publishes a checked snapshot. Then it drops its stage, prunes old versions and, after a pool's first
 * snapshot, updates the planner statistics of Postgres.
 *
 * @param from `held` if a person releases it.
 * @param historyDays how long closed versions are kept; null: always.
 */
export async function publish(
  { db, lease, progress, log }: Pick<SnapshotContext, 'db' | 'lease' | 'progress' | 'log'>,
  from: PublishableState,
  historyDays: number | null,
  signal: AbortSignal,
): Promise<void> {
  progress.phase = 'publish';
  const { settings } = await publishStage(db, lease, from, signal);
  if (settings?.unread) {
    log.warn(
      { poolId: lease.poolId, unread: settings.unread },
      'parts of the pool settings could not be read: they keep their last version',
    );
  }
  if (lease.comparedWith === null) await analyzeKeys(db);
  await dropEndedStages(db);
  if (historyDays !== null) await pruneHistory(db, lease.poolId, historyDays, signal);
}
