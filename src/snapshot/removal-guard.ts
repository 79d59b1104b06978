import { formatCount } from '../common/text.ts';
import { DATASETS } from '../model/snapshot.ts';
import type { StageCounts } from '../postgres/store/count-stage.ts';

/** Removing up to this many rows never holds a snapshot: small pools may shrink by a large share. */
const TOLERATED_ROWS = 50;

/** A first snapshot may lack this many of the estimated users, … */
const TOLERATED_MISSING = 1000;

/** … or have at least this share of them. */
const LEAST_OF_ESTIMATE = 0.8;

/**
 * Decides whether publishing a snapshot would remove suspiciously many rows.
 *
 * @param maxRemoved the share of a dataset's rows that may be removed, 0 to 1.
 * @param estimatedUsers the service's estimate, which is compared only with a first snapshot.
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
      `${formatCount(next.users)} users were read, but the service estimates ${formatCount(options.estimatedUsers)}. ` +
        'The estimate can be old: publish this if the number is right.',
    );
  }
  return reasons.length > 0 ? reasons.join(' ') : null;
}
