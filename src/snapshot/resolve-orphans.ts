import type pg from 'pg';
import { formatCount } from '../common/text.ts';
import { transaction } from '../postgres/connection.ts';
import { withLease } from '../postgres/store/leases.ts';
import { dropOrphans, findOrphans } from '../postgres/store/missing.ts';
import { READING_STATES } from '../postgres/store/states.ts';
import { confirmUsers, MAX_CONFIRMATIONS } from './confirm-users.ts';
import type { SnapshotContext, StepResult } from './context.ts';
import { fallBackToSingleChain } from './walk-users.ts';

/**
 * Confirms the users of orphan memberships with the service. A user that is gone was deleted while the
 * walks ran: the membership is dropped. A user that exists was lost by the walks: all users are read
 * again in a single chain. If that loses users too, the snapshot is held.
 */
export async function resolveOrphans(
  context: SnapshotContext,
  signal: AbortSignal,
): Promise<StepResult> {
  const { db, lease, log } = context;
  const chosen = await transaction(
    db,
    (client) => findOrphans(client, lease, MAX_CONFIRMATIONS),
    signal,
  );
  const { existing: lost } = await confirmUsers(context, chosen, signal);
  if (lost.length > 0) {
    log.warn(
      { poolId: lease.poolId, lost: lost.length },
      'orphan members exist: the walks over users lost them',
    );
    const walks = await fallBackToSingleChain(context);
    if (walks.length > 0) return { walks, hold: null };
  }
  const drop = (client: pg.PoolClient) => dropOrphans(client, lease);
  const dropped = await withLease(db, lease, READING_STATES, drop, signal);
  if (dropped > 0)
    log.info({ poolId: lease.poolId, dropped }, 'dropped memberships of deleted users');
  if (lost.length === 0) return { walks: [], hold: null };
  return {
    walks: [],
    hold:
      `${formatCount(lost.length)} members of groups exist by AdminGetUser, but are in no listing of users, ` +
      'not even in a single chain.',
  };
}
