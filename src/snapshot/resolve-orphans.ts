import type pg from 'pg';
import { formatCount } from '../common/text.ts';
import { transaction } from '../postgres/connection.ts';
import { withLease } from '../postgres/store/leases.ts';
import { dropOrphans, findOrphans } from '../postgres/store/missing.ts';
import type { Walk } from '../postgres/store/walks.ts';
import { confirmUsers, MAX_CONFIRMATIONS } from './confirm-users.ts';
import type { SnapshotContext } from './context.ts';
import { fallBackToSingleChain } from './walk-users.ts';

/** What came of the members that no walk over users saw. */
export interface OrphanVerdict {
  /** The walk that must be made first, as the cut lost someone. */
  readonly walks: Walk[];
  /** Why the snapshot must be held, or null. */
  readonly hold: string | null;
}

/**
 * Asks the service after members of groups that no walk over users saw. One who is gone was
 * deleted while the walks ran: the membership is dropped. One who is alive was lost by the walks:
 * all users are walked once more, in one chain, and if that loses someone too, the snapshot is held.
 */
export async function resolveOrphans(
  context: SnapshotContext,
  signal: AbortSignal,
): Promise<OrphanVerdict> {
  const { db, lease, log } = context;
  const chosen = await transaction(
    db,
    (client) => findOrphans(client, lease, MAX_CONFIRMATIONS),
    signal,
  );
  const { alive: lost } = await confirmUsers(context, chosen, signal);
  if (lost.length > 0) {
    log.warn(
      { poolId: lease.poolId, lost: lost.length },
      'members are alive that no walk over users saw',
    );
    const walks = await fallBackToSingleChain(context);
    if (walks.length > 0) return { walks, hold: null };
  }
  const drop = (client: pg.PoolClient) => dropOrphans(client, lease);
  const dropped = await withLease(db, lease, ['walking'], drop, signal);
  if (dropped > 0)
    log.info({ poolId: lease.poolId, dropped }, 'memberships of users deleted meanwhile');
  if (lost.length === 0) return { walks: [], hold: null };
  return {
    walks: [],
    hold:
      `${formatCount(lost.length)} members of groups are alive by AdminGetUser, but in no listing of users, ` +
      'walked in one chain as well.',
  };
}
