import type { Readable } from 'node:stream';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { Dataset, SnapshotKey } from '../../model/snapshot.ts';

/** Milliseconds are what both formats of the archive hold, and what the service gives. */
const time = (column: string) =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS ${column}`;

/** One query a dataset: its rows in key order as of the snapshot, in the archive's columns. */
const QUERIES: Record<Dataset, (at: string) => string> = {
  users: (at) => `
    SELECT u.username, u.sub, u.status, u.enabled, u.email, u.email_verified, u.phone_number,
      u.phone_number_verified, u.name, u.given_name, u.family_name, u.preferred_username,
      ${time('created_at')}, ${time('modified_at')}, u.attributes, u.mfa_options, u.escaped,
      coalesce(m.groups, '{}') AS groups
    FROM directory.users_at(${at}) AS u
    LEFT JOIN (
      SELECT username, array_agg(group_name ORDER BY group_name) AS groups
      FROM directory.memberships_at(${at}) GROUP BY username
    ) AS m USING (username)
    ORDER BY u.username`,
  groups: (at) => `
    SELECT group_name, description, role_arn, precedence, ${time('created_at')},
      ${time('modified_at')}, escaped
    FROM directory.groups_at(${at})
    ORDER BY group_name`,
  memberships: (at) => `
    SELECT group_name, username, sub FROM directory.memberships_at(${at})
    ORDER BY group_name, username`,
};

/**
 * Opens a dataset of a published snapshot as JSON Lines, in key order, whenever it is read: the
 * histories give the state as of the snapshot. Chunks are not cut at lines.
 */
export function openRows(
  client: pg.PoolClient,
  { poolId, snapshotAt }: SnapshotKey,
  dataset: Dataset,
): Readable {
  // COPY takes no parameters. Its CSV form leaves a JSON text as it is, as neither of these two
  // control characters can stand in one; its text form would double every backslash.
  const at = `${pg.escapeLiteral(poolId)}, ${pg.escapeLiteral(snapshotAt.toISOString())}`;
  return client.query(
    copyTo(
      `COPY (SELECT row_to_json(r) FROM (${QUERIES[dataset](at)}) AS r)
       TO STDOUT WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')`,
    ),
  );
}
