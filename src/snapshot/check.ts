import { countStage } from '../postgres/store/count-stage.ts';
import { withLease } from '../postgres/store/leases.ts';
import { mergeReads } from '../postgres/store/merge-reads.ts';
import { carryMfa } from '../postgres/store/mfa.ts';
import { type CheckResult, saveCheck } from '../postgres/store/snapshot-checks.ts';
import { markWalked, saveCounts } from '../postgres/store/snapshot-notes.ts';
import { saveWalks } from '../postgres/store/snapshot-walks.ts';
import { assertStageExists } from '../postgres/store/stage.ts';
import { READING_STATES } from '../postgres/store/states.ts';
import type { Walk } from '../postgres/store/walks.ts';
import { compareEstimate } from './compare-estimate.ts';
import { confirmGroups } from './confirm-groups.ts';
import { confirmRemovals } from './confirm-removals.ts';
import type { SnapshotContext } from './context.ts';
import { readSettings } from './read-settings.ts';
import { refetchDrifted } from './refetch-drifted.ts';
import { checkRemovalGuard } from './removal-guard.ts';
import { resolveOrphans } from './resolve-orphans.ts';

/** What to do with a snapshot whose walks have ended. */
export type Verdict =
  | { readonly kind: 'publish' }
  | { readonly kind: 'hold'; readonly reason: string }
  | { readonly kind: 'walk'; readonly walks: readonly Walk[] };

/** What a person should do who reads only the reason. */
const UNLISTED_ADVICE =
  'The service did not list all that exists, and publishing would lose some of it: discard this, and ' +
  'read the pool again later.';

/**
 * Checks a snapshot whose walks have all ended. It confirms missing groups, merges repeated reads,
 * fetches drifted users again, resolves orphan memberships, confirms missing users, compares the users
 * with the service's estimate, keeps what is known of MFA states, reads the pool's settings if they are
 * kept, and applies the removal guard.
 *
 * @param maxRemoved the share of rows that may be removed without a person's consent, 0 to 1.
 */
export async function check(
  context: SnapshotContext,
  maxRemoved: number,
  signal: AbortSignal,
): Promise<Verdict> {
  const { db, lease, pool, progress } = context;
  progress.phase = 'check';
  await withLease(db, lease, READING_STATES, (client) => markWalked(client, lease));
  const groups = await confirmGroups(context, signal);
  if (groups.walks.length > 0) return { kind: 'walk', walks: groups.walks };
  await mergeReads(db, lease, signal);
  const drifted = await refetchDrifted(context, signal);
  if (drifted.length > 0) return { kind: 'walk', walks: drifted };
  const orphans = await resolveOrphans(context, signal);
  if (orphans.walks.length > 0) return { kind: 'walk', walks: orphans.walks };
  const removals = await confirmRemovals(context, signal);
  if (removals.walks.length > 0) return { kind: 'walk', walks: removals.walks };
  const recount = await compareEstimate(context, removals.missing, signal);
  if (recount.length > 0) return { kind: 'walk', walks: recount };
  await readSettings(context, signal);
  const objection = await withLease(
    db,
    lease,
    READING_STATES,
    async (client) => {
      // Confirming took time, in which a crash may have emptied the stage.
      await assertStageExists(client, lease);
      await carryMfa(client, lease);
      const sizes = await countStage(client, lease);
      const guard = checkRemovalGuard(sizes, {
        maxRemoved,
        estimatedUsers: pool.estimatedUsers,
        first: lease.comparedWith === null,
      });
      const reasons = [groups.hold, orphans.hold, removals.hold].filter((hold) => hold !== null);
      if (reasons.length > 0) reasons.push(UNLISTED_ADVICE);
      if (guard !== null) reasons.push(guard);
      const record: CheckResult = {
        estimatedUsers: pool.estimatedUsers,
        missingUsers: removals.missing,
        askedUsers: removals.asked,
        keptUsers: removals.kept,
        maxRemovedRatio: maxRemoved,
        objection: reasons.length > 0 ? reasons.join(' ') : null,
      };
      await saveCounts(client, lease, sizes.next);
      await saveCheck(client, lease, sizes, record);
      await saveWalks(client, lease);
      return record.objection;
    },
    signal,
  );
  return objection === null ? { kind: 'publish' } : { kind: 'hold', reason: objection };
}
