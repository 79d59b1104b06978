import type pg from 'pg';
import { formatCount } from '../common/text.ts';
import { transaction } from '../postgres/connection.ts';
import { withLease } from '../postgres/store/leases.ts';
import {
  findMissingUsers,
  keepConfirmedUsers,
  restageKeptUsers,
} from '../postgres/store/missing.ts';
import { readUserCounts } from '../postgres/store/readings.ts';
import { READING_STATES } from '../postgres/store/states.ts';
import { confirmUsers, MAX_CONFIRMATIONS } from './confirm-users.ts';
import type { SnapshotContext, StepResult } from './context.ts';
import { fallBackToSingleChain } from './walk-users.ts';

/** If more than this part of the missing users exists, the walks lost users. */
const TOLERATED_LOST = 0.01;

/** What the check found about missing users. */
export interface Removals extends StepResult {
  /** How many users are missing, gone or kept. */
  readonly missing: number;
  /** How many of them were looked up by name. */
  readonly asked: number;
  /** How many of those keep their rows. */
  readonly kept: number;
}

/**
 * Confirms missing users with the service. Users that exist keep their rows, and so do those that
 * it refuses to look up. If too many exist, all users are read again in a single chain. If that
 * loses users too, the snapshot is held.
 */
export async function confirmRemovals(
  context: SnapshotContext,
  signal: AbortSignal,
): Promise<Removals> {
  const { db, lease, mask, log } = context;
  const find = (client: pg.PoolClient) => findMissingUsers(client, lease, MAX_CONFIRMATIONS);
  const { count, chosen } = await transaction(db, find, signal);
  if (count === 0) return { missing: 0, asked: 0, kept: 0, walks: [], hold: null };
  const { existing, refused } = await confirmUsers(context, chosen, signal);
  const kept = [...existing, ...refused];
  await withLease(db, lease, READING_STATES, async (client) => {
    await keepConfirmedUsers(client, lease, kept);
    if (lease.privacy === null) return;
    await restageKeptUsers(client, lease, kept, (user) => mask.hideStored(user));
  });
  const found = { missing: count, asked: chosen.length, kept: kept.length };
  if (existing.length <= chosen.length * TOLERATED_LOST) return { ...found, walks: [], hold: null };
  const lost =
    `${formatCount(existing.length)} of ${formatCount(chosen.length)} missing users ` +
    'exist by AdminGetUser';
  const walks = (await readUserCounts(db, lease)).inShards
    ? await fallBackToSingleChain(context)
    : [];
  if (walks.length > 0)
    log.warn({ poolId: lease.poolId }, `${lost}: reading all users again in a single chain`);
  return { ...found, walks, hold: `${lost}: the listing lost users.` };
}
