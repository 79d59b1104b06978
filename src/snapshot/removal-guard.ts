import { formatCount } from '../common/text.ts';
import { DATASETS } from '../model/snapshot.ts';
import type { StageCounts } from '../postgres/store/count-stage.ts';

/** Losing this many rows or fewer never holds a snapshot: small pools may shrink by large shares. */
const TOLERATED_ROWS = 50;

/** A first snapshot may lack this many of the users that the service estimates, … */
const TOLERATED_MISSING = 1000;

/** … or be no smaller than this share of them. */
const LEAST_OF_ESTIMATE = 0.8;

/**
 * Judges whether publishing a snapshot would lose suspiciously much.
 *
 * @param maxRemoved the share of a dataset's rows that may go, 0 to 1.
 * @param estimatedUsers what the service estimates; it is compared with a first snapshot alone.
 * @returns why the snapshot must be held, or null.
 */
export function checkRemovalGuard(
  { current, next, removed }: StageCounts,
  options: { maxRemoved: number; estimatedUsers: number; first: boolean },
): string | null {
  const reasons = DATASETS.filter(
    (dataset) =>
      removed[dataset] > TOLERATED_ROWS && removed[dataset] > current[dataset] * options.maxRemoved,
  ).map(
    (dataset) =>
      `${formatCount(removed[dataset])} of ${formatCount(current[dataset])} ${dataset} would be removed, over the share of ` +
      `${options.maxRemoved} that MIRROR_MAX_REMOVED_RATIO allows.`,
  );
  const missing = options.estimatedUsers - next.users;
  if (
    options.first &&
    missing > TOLERATED_MISSING &&
    next.users < options.estimatedUsers * LEAST_OF_ESTIMATE
  ) {
    reasons.push(
      `${formatCount(next.users)} users were read, but the service estimates ${formatCount(options.estimatedUsers)}.`,
    );
  }
  return reasons.length > 0 ? reasons.join(' ') : null;
}
