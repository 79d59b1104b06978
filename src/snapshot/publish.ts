import { pruneHistory } from '../postgres/store/prune-history.ts';
import { analyzeKeys, publish as publishStage } from '../postgres/store/publish.ts';
import { dropEndedStages } from '../postgres/store/stage.ts';
import type { PublishableState } from '../postgres/store/transitions.ts';
import type { SnapshotContext } from './context.ts';

/**
 * Publishes a checked snapshot, and clears up behind it: its stage, versions that are older than
 * they are to be kept and, after a pool's first, what Postgres takes for granted of its size.
 *
 * @param from `held` where a person releases it.
 * @param historyDays how long closed versions are kept; null is for ever.
 */
export async function publish(
  { db, lease, progress }: Pick<SnapshotContext, 'db' | 'lease' | 'progress'>,
  from: PublishableState,
  historyDays: number | null,
  signal: AbortSignal,
): Promise<void> {
  progress.phase = 'publish';
  await publishStage(db, lease, from, signal);
  if (lease.comparedWith === null) await analyzeKeys(db);
  await dropEndedStages(db);
  if (historyDays !== null) await pruneHistory(db, lease.poolId, historyDays, signal);
}
