import type { MfaState } from '../../model/directory.ts';
import { type Queryable, rowCount } from '../connection.ts';
import { isKey, listColumns, listedColumns, writtenColumns } from './columns.ts';
import { WRITERS } from './drift.ts';
import type { SnapshotLease } from './leases.ts';
import { stageTables } from './stage.ts';

/*
 * MFA states: what only AdminGetUser returns about a user. A snapshot reads some of them, and the other users
 * keep what is known of them. The hash of a user leaves them out, because no listing has them.
 */

const FETCHED = writtenColumns('users').filter(({ origin }) => origin === 'fetched');
const CONTENT = listedColumns('users').filter((column) => !isKey(column));

/** The columns of an MFA state; with a table, its columns. */
export const listMfa = (table?: string): string => listColumns(FETCHED, table);

/** As a condition, true for the pool `$1` if a run has read its MFA states. Postgres decides it first. */
export const READS_MFA = '(SELECT reads_mfa FROM mirror.pools WHERE pool_id = $1)';

/**
 * Gives the users that are staged with content the MFA state that is published of them, unless the stage has
 * a newer one. Another person under the same name gets none. Of a drifted row, what was published counts;
 * drift must be marked. Repeating this changes nothing.
 */
export async function carryMfa(db: Queryable, lease: SnapshotLease): Promise<void> {
  const t = stageTables(lease.stage);
  await db.query(
    `UPDATE ${t.users} AS s SET (${listMfa()}) = ROW (${listMfa('k')})
     FROM (
       SELECT c.username, c.sub, NULL::uuid AS hash, ${listMfa('c')}
       FROM directory.users AS c
       WHERE c.pool_id = $1 AND c.mfa_read_at IS NOT NULL AND NOT EXISTS (
         SELECT FROM mirror.user_hashes AS h
         WHERE h.pool_id = $1 AND h.username = c.username AND h.stale
       )
       UNION ALL
       SELECT h.username, c.sub, h.hash, ${listMfa('h')}
       FROM mirror.user_hashes AS h
       LEFT JOIN directory.users AS c ON c.pool_id = $1 AND c.username = h.username
       WHERE h.pool_id = $1 AND h.stale AND h.mfa_read_at IS NOT NULL
     ) AS k
     WHERE ${READS_MFA} AND s.username = k.username
       AND s.attributes IS NOT NULL AND s.mfa_read_at IS NULL
       AND (s.hash = k.hash OR s.sub IS NOT DISTINCT FROM k.sub)`,
    [lease.poolId],
  );
}

/**
 * Chooses the users whose MFA state the snapshot reads: new and changed users, then those that were asked for
 * the longest ago. A choice that an earlier run of the snapshot made stays.
 *
 * @param budget the most users to choose.
 * @returns how many of them are still to be asked for.
 */
export async function chooseForMfa(
  db: Queryable,
  lease: SnapshotLease,
  budget: number,
): Promise<number> {
  const t = stageTables(lease.stage);
  const before = await db.query<{ chosen: number; left: number }>(
    `SELECT count(mfa_place) AS chosen,
       count(mfa_place) FILTER (WHERE mfa_asked_at IS NULL) AS left
     FROM ${t.users}`,
  );
  const { chosen, left } = before.rows[0] as { chosen: number; left: number };
  if (chosen > 0) return left;
  await db.query(
    `INSERT INTO mirror.pools (pool_id, reads_mfa) VALUES ($1, true)
     ON CONFLICT (pool_id) DO UPDATE SET reads_mfa = true WHERE NOT pools.reads_mfa`,
    [lease.poolId],
  );
  const listed = (table: string) => listColumns(listedColumns('users'), table);
  const placed = await db.query(
    `UPDATE ${t.users} AS s SET mfa_place = q.place
     FROM (
       SELECT username, row_number() OVER (ORDER BY changed DESC, asked_at NULLS FIRST, username) AS place
       FROM (
         SELECT s.username, coalesce(h.mfa_asked_at, c.mfa_read_at) AS asked_at,
           s.attributes IS NOT NULL AND (${listed('c')}) IS DISTINCT FROM (${listed('s')}) AS changed
         FROM ${t.users} AS s
         LEFT JOIN directory.users AS c ON c.pool_id = $1 AND c.username = s.username
         LEFT JOIN mirror.user_hashes AS h ON h.pool_id = $1 AND h.username = s.username
         ORDER BY changed DESC, asked_at NULLS FIRST, username LIMIT $2
       ) AS first
     ) AS q
     WHERE s.username = q.username`,
    [lease.poolId, budget],
  );
  return rowCount(placed);
}

/** A user whose MFA state is to be read. */
export interface ChosenUser {
  readonly username: string;
  readonly sub: string | null;
}

/** The next users to ask for, at most `limit`. */
export async function nextForMfa(
  db: Queryable,
  lease: SnapshotLease,
  limit: number,
): Promise<ChosenUser[]> {
  const t = stageTables(lease.stage);
  const found = await db.query<ChosenUser>(
    `SELECT username, sub FROM ${t.users}
     WHERE mfa_place IS NOT NULL AND mfa_asked_at IS NULL ORDER BY mfa_place LIMIT $1`,
    [limit],
  );
  return found.rows;
}

/** A user that was asked for, and its MFA state; null if the service has none to give. */
export interface AskedUser extends Pick<ChosenUser, 'username'> {
  readonly mfa: MfaState | null;
}

/**
 * Stages MFA states. One that equals the published state changes nothing, so that it makes no version. An
 * unchanged user whose MFA state changed gets the content of its row, and is published like a changed user;
 * a row that drifted meanwhile is left to the check for drift.
 */
export async function stageMfa(
  db: Queryable,
  lease: SnapshotLease,
  asked: readonly AskedUser[],
): Promise<void> {
  const t = stageTables(lease.stage);
  await db.query(
    `UPDATE ${t.users} SET mfa_asked_at = date_trunc('milliseconds', clock_timestamp())
     WHERE username = ANY ($1)`,
    [asked.map(({ username }) => username)],
  );
  const read = asked.flatMap(({ username, mfa }) =>
    mfa === null ? [] : [{ username, mfa_settings: mfa.settings, preferred_mfa: mfa.preferred }],
  );
  const content = CONTENT.map(
    ({ name }) => `CASE WHEN s.attributes IS NULL THEN c.${name} ELSE s.${name} END`,
  ).join(', ');
  const differs = (table: string) =>
    `(${table}.mfa_settings, ${table}.preferred_mfa) IS DISTINCT FROM (r.mfa_settings, r.preferred_mfa)`;
  await db.query(
    `UPDATE ${t.users} AS s
     SET (${listColumns(CONTENT)}, mfa_settings, preferred_mfa, mfa_read_at) =
       ROW (${content}, r.mfa_settings, r.preferred_mfa, s.mfa_asked_at)
     FROM jsonb_to_recordset($2) AS r (username text, mfa_settings text[], preferred_mfa text)
     LEFT JOIN directory.users AS c
       ON c.pool_id = $1 AND c.username = r.username AND c.xmin IN ${WRITERS}
     WHERE s.username = r.username AND CASE
       WHEN s.attributes IS NULL THEN c.username IS NOT NULL AND ${differs('c')}
       ELSE ${differs('s')} END`,
    [lease.poolId, JSON.stringify(read)],
  );
}

/** Records of how many users the MFA state will be known when the stage is published. */
export async function countKnownMfa(db: Queryable, lease: SnapshotLease): Promise<void> {
  const t = stageTables(lease.stage);
  await db.query(
    `UPDATE directory.snapshots SET mfa_known = (
       SELECT count(*) FROM ${t.users} AS s
       LEFT JOIN directory.users AS c
         ON c.pool_id = $1 AND c.username = s.username AND s.attributes IS NULL
       WHERE coalesce(s.mfa_read_at, c.mfa_read_at) IS NOT NULL
     ) + (
       SELECT count(*) FROM ${t.confirmed} AS a
       JOIN directory.users AS c ON c.pool_id = $1 AND c.username = a.username
       WHERE c.mfa_read_at IS NOT NULL
     )
     WHERE pool_id = $1 AND snapshot_at = $2`,
    [lease.poolId, lease.snapshotAt],
  );
}
