import type pg from 'pg';
import { transaction } from '../postgres/connection.ts';
import { fenced } from '../postgres/run.ts';
import { keepAlive, suspects } from '../postgres/stage/suspects.ts';
import type { SnapshotContext } from './context.ts';
import { findAlive, MOST_LOOK_UPS } from './look-up.ts';

/** Where more than this part of them is alive, the walks lost users, and nobody was removed. */
const TOLERATED_ALIVE = 0.01;

/**
 * Asks the service about the users that no walk saw. Those that are alive keep their rows, and so
 * do those that it refuses to look up.
 *
 * @returns why the snapshot must be held, or null.
 */
export async function confirmRemovals(
  context: SnapshotContext,
  signal: AbortSignal,
): Promise<string | null> {
  const { db, run } = context;
  const find = (client: pg.PoolClient) => suspects(client, run, MOST_LOOK_UPS);
  const { count, chosen } = await transaction(db, find, signal);
  if (count === 0) return null;
  const { alive, refused } = await findAlive(context, chosen, signal);
  const kept = [...alive, ...refused];
  await fenced(db, run, ['walking'], (client) => keepAlive(client, run, kept));
  if (alive.length <= chosen.length * TOLERATED_ALIVE) return null;
  return (
    `${alive.length} of ${chosen.length} users that no walk saw are alive by AdminGetUser: ` +
    'the listing lost users.'
  );
}
