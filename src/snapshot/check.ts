import { countStage } from '../postgres/store/count-stage.ts';
import { withLease } from '../postgres/store/leases.ts';
import { mergeReads } from '../postgres/store/merge-reads.ts';
import { markWalked, saveCounts } from '../postgres/store/snapshot-notes.ts';
import { assertStageExists } from '../postgres/store/stage.ts';
import type { Walk } from '../postgres/store/walks.ts';
import { compareEstimate } from './compare-estimate.ts';
import { confirmGroups } from './confirm-groups.ts';
import { confirmRemovals } from './confirm-removals.ts';
import type { SnapshotContext } from './context.ts';
import { refetchDrifted } from './refetch-drifted.ts';
import { checkRemovalGuard } from './removal-guard.ts';
import { resolveOrphans } from './resolve-orphans.ts';

/** What is to become of a snapshot whose walks have ended. */
export type Verdict =
  | { readonly kind: 'publish' }
  | { readonly kind: 'hold'; readonly reason: string }
  | { readonly kind: 'walk'; readonly walks: readonly Walk[] };

/**
 * Checks a snapshot whose walks have all ended: confirms groups that were not found, merges what was
 * read twice, fetches users again whose row was changed meanwhile, clears up members without users,
 * confirms suspected removals, compares the users with the service's estimate, and lets the guard
 * judge the sizes.
 *
 * @param maxRemoved the share of rows that may go without a person's consent, 0 to 1.
 */
export async function check(
  context: SnapshotContext,
  maxRemoved: number,
  signal: AbortSignal,
): Promise<Verdict> {
  const { db, lease, pool, progress } = context;
  progress.phase = 'check';
  await withLease(db, lease, ['walking'], (client) => markWalked(client, lease));
  const groups = await confirmGroups(context, signal);
  if (groups.walks.length > 0) return { kind: 'walk', walks: groups.walks };
  await mergeReads(db, lease, signal);
  const again = await refetchDrifted(context, signal);
  if (again.length > 0) return { kind: 'walk', walks: again };
  const strays = await resolveOrphans(context, signal);
  if (strays.walks.length > 0) return { kind: 'walk', walks: strays.walks };
  const removals = await confirmRemovals(context, signal);
  if (removals.walks.length > 0) return { kind: 'walk', walks: removals.walks };
  const recount = await compareEstimate(context, removals.missing, signal);
  if (recount.length > 0) return { kind: 'walk', walks: recount };
  const sizes = await withLease(
    db,
    lease,
    ['walking'],
    async (client) => {
      // What was asked of the service took its time: the stage may have been emptied meanwhile.
      await assertStageExists(client, lease);
      const counted = await countStage(client, lease);
      await saveCounts(client, lease, counted.next);
      return counted;
    },
    signal,
  );
  const objection = checkRemovalGuard(sizes, {
    maxRemoved,
    estimatedUsers: pool.estimatedUsers,
    first: lease.comparedWith === null,
  });
  const reasons = [groups.hold, strays.hold, removals.hold, objection].filter(
    (reason) => reason !== null,
  );
  return reasons.length > 0 ? { kind: 'hold', reason: reasons.join(' ') } : { kind: 'publish' };
}
