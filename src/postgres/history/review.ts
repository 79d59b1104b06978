import type {
  KnownHead,
  MembershipVersion,
  NamedMembership,
  ReviewedMembership,
} from '../../model/history.ts';
import { joinUserAsOf, selectAsOf } from './as-of.ts';
import type { Asking } from './ask.ts';

/** The memberships of groups at a moment, in the order of the names of groups and users. */
export function streamMemberships(
  asking: Asking,
  groupNames: readonly string[],
  at: Date,
): AsyncIterable<ReviewedMembership[]> {
  return asking.stream<ReviewedMembership>(
    `SELECT m.group_name AS "groupName", m.username, u.name, u.email, u.status, u.enabled,
       m.valid_from AS "memberSince"
     FROM (
       ${selectAsOf('memberships', 'group_name, username, valid_from', 'group_name = ANY ($3)')}
     ) AS m
     ${joinUserAsOf('name, email, status, enabled')}
     ORDER BY m.group_name, m.username`,
    [asking.poolId, at, groupNames],
  );
}

/** The head of the pool's archive as the database knows it; null if nothing was archived. */
export async function findKnownHead({ db, poolId }: Asking): Promise<KnownHead | null> {
  const found = await db.query<KnownHead>(
    `SELECT snapshot, manifest_sha256 AS sha256 FROM directory.snapshots
     WHERE pool_id = $1 AND state = 'archived' ORDER BY snapshot_at DESC LIMIT 1`,
    [poolId],
  );
  return found.rows[0] ?? null;
}

/** The versions that match each of the memberships: one, unless names differ in apostrophes alone. */
export async function findMembershipVersions(
  { db, poolId }: Asking,
  memberships: readonly NamedMembership[],
): Promise<MembershipVersion[]> {
  const forms = (name: string) => `(asked.${name}, ltrim(asked.${name}, ''''),
    '''' || ltrim(asked.${name}, ''''))`;
  const versions = (table: string, validTo: string) =>
    `SELECT asked.index, m.group_name, m.username, m.sub, ${validTo} AS valid_to
     FROM asked JOIN directory.${table} AS m
       ON m.pool_id = $1 AND m.valid_from = asked.valid_from
       AND m.group_name IN ${forms('group_name')} AND m.username IN ${forms('username')}`;
  const found = await db.query<MembershipVersion>(
    `WITH asked AS (
       SELECT * FROM unnest($2::text[], $3::text[], $4::timestamptz[]) WITH ORDINALITY
         AS each (group_name, username, valid_from, index)
     ), version AS (
       ${versions('memberships', 'NULL::timestamptz')}
       UNION ALL ${versions('membership_history', 'm.valid_to')}
     )
     SELECT (index - 1)::integer AS index, group_name AS "groupName", username,
       valid_to AS "validTo", (
       SELECT again.valid_from FROM directory.memberships AS again
       WHERE valid_to IS NOT NULL AND again.pool_id = $1
         AND again.group_name = version.group_name AND again.username = version.username
         AND again.sub IS NOT DISTINCT FROM version.sub
     ) AS "backSince"
     FROM version ORDER BY index`,
    [
      poolId,
      memberships.map(({ groupName }) => groupName),
      memberships.map(({ username }) => username),
      memberships.map(({ memberSince }) => memberSince),
    ],
  );
  return found.rows;
}
