import { randomUUID } from 'node:crypto';
import type pg from 'pg';

/**
 * Each transaction holds a shared advisory lock that names its process. `pg_locks` then shows the
 * sessions of a process while they hold or wait for something. The lock ends with its transaction,
 * so it needs no clean-up, and it works through a pooler, where process ids differ.
 */
const OWNER = 'cognito-mirror transaction';

const registered = new WeakMap<pg.Pool, string>();

/** The name of the owner of a pool's transactions: a random UUID. */
export function getOwner(pool: pg.Pool): string {
  const owner = registered.get(pool) ?? randomUUID();
  registered.set(pool, owner);
  return owner;
}

/** The statements that begin a transaction and register its owner, in one round trip. */
export function beginOwned(pool: pg.Pool): string {
  return `BEGIN;
    SELECT pg_advisory_xact_lock_shared(hashtext('${OWNER}'), hashtext('${getOwner(pool)}'))`;
}

/**
 * Ends every open transaction of these owners, and its session.
 *
 * @returns how many it ended.
 * @throws DatabaseError (42501) if an owner uses another role: only a superuser, a member of that role or
 *   of `pg_signal_backend` may end its sessions.
 */
export async function endTransactions(
  db: Pick<pg.Pool, 'query'>,
  owners: readonly string[],
): Promise<number> {
  const ended = await db.query<{ ended: number }>(
    `SELECT count(*) FILTER (WHERE pg_terminate_backend(l.pid))::integer AS ended
     FROM unnest($2::text[]) AS o (owner)
     JOIN pg_locks AS l ON l.locktype = 'advisory' AND l.objsubid = 2
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND l.classid = hashtext($1)::oid AND l.objid = hashtext(o.owner)::oid`,
    [OWNER, owners],
  );
  return ended.rows[0]?.ended ?? 0;
}
