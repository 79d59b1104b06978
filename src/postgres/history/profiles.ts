import type {
  LinkedProfile,
  MembershipPeriod,
  Profile,
  ProfileHistory,
  ProfileVersion,
  Version,
} from '../../model/history.ts';
import { listColumns, writtenColumns } from '../store/columns.ts';
import type { Asking } from './ask.ts';

/**
 * The profiles with this username, `sub` or e-mail address in any version, at most `limit`. E-mail
 * addresses compare without regard to case.
 *
 * @param hashed the hash that stands for `user` where e-mail addresses are hashed, or null
 */
export async function findProfiles(
  { db, poolId }: Asking,
  user: string,
  hashed: string | null,
  limit: number,
): Promise<Profile[]> {
  // The first condition is that of the index.
  const isEmail = (text: string) =>
    `"left"(lower(email), 320) COLLATE "C" = "left"(lower(${text}), 320) AND lower(email) = lower(${text})`;
  const where = ['username = $2', 'sub = $2', isEmail('$2'), isEmail('$4')];
  const arms = ['users', 'user_history'].flatMap((table) =>
    where.map(
      (condition) => `SELECT username, sub FROM directory.${table}
      WHERE pool_id = $1 AND ${condition}`,
    ),
  );
  const found = await db.query<Profile>(
    `SELECT DISTINCT username, sub FROM (${arms.join(' UNION ALL ')}) AS found
     ORDER BY username, sub LIMIT $3`,
    [poolId, user, limit, hashed],
  );
  return found.rows;
}

const CONTENT = writtenColumns('users').filter(({ origin }) => origin !== 'key');

/** A version with the usernames of the federated profiles that its attribute `identities` names. */
interface IdentifiedVersion extends ProfileVersion {
  readonly identityNames: readonly string[];
}

/** Every version of a profile, the oldest first. */
async function listVersions(
  { db, poolId }: Asking,
  { username, sub }: Profile,
): Promise<IdentifiedVersion[]> {
  const select = (table: string, validTo: string) =>
    `SELECT ${listColumns(CONTENT)}, directory.identity_names(attributes) AS "identityNames",
       valid_from AS "validFrom", ${validTo} AS "validTo"
     FROM directory.${table}
     WHERE pool_id = $1 AND username = $2 AND sub IS NOT DISTINCT FROM $3`;
  const versions = await db.query<Version & Omit<IdentifiedVersion, 'content'>>(
    `${select('user_history', 'valid_to')} UNION ALL ${select('users', 'NULL')}
     ORDER BY "validFrom"`,
    [poolId, username, sub],
  );
  return versions.rows.map(({ identityNames, validFrom, validTo, ...content }) => ({
    validFrom,
    validTo,
    content,
    identityNames,
  }));
}

/** Every membership of a profile, by group, the oldest first. */
async function listMembershipPeriods(
  { db, poolId }: Asking,
  { username, sub }: Profile,
): Promise<MembershipPeriod[]> {
  const select = (table: string, validTo: string) =>
    `SELECT group_name AS "groupName", valid_from AS "validFrom", ${validTo} AS "validTo"
     FROM directory.${table}
     WHERE pool_id = $1 AND username = $2 AND sub IS NOT DISTINCT FROM $3`;
  const periods = await db.query<MembershipPeriod>(
    `${select('membership_history', 'valid_to')} UNION ALL ${select('memberships', 'NULL')}
     ORDER BY "groupName", "validFrom"`,
    [poolId, username, sub],
  );
  return periods.rows;
}

/**
 * Other profiles of the same person: those that the identities name, and those of today that are linked
 * to one of these identities or to this profile.
 *
 * @param identityNames those of all versions of the profile.
 */
async function listLinkedProfiles(
  { db, poolId }: Asking,
  { username }: Profile,
  identityNames: readonly string[],
): Promise<LinkedProfile[]> {
  const linked = await db.query<LinkedProfile>(
    `WITH linked AS (
       SELECT unnest($3::text[]) AS username
       UNION
       SELECT username FROM directory.users
       -- The condition is that of the index.
       WHERE pool_id = $1 AND attributes ->> 'identities' LIKE '%"primary"%false%'
         AND directory.identity_names(attributes) && ($3::text[] || $2::text)
     ), periods AS (
       SELECT username, sub, valid_from, NULL::timestamptz AS valid_to
       FROM directory.users JOIN linked USING (username) WHERE pool_id = $1
       UNION ALL
       SELECT username, sub, valid_from, valid_to
       FROM directory.user_history JOIN linked USING (username) WHERE pool_id = $1
     )
     SELECT username, sub, min(valid_from) AS "validFrom",
       CASE WHEN bool_or(valid_to IS NULL) THEN NULL ELSE max(valid_to) END AS "validTo"
     FROM periods WHERE username <> $2
     GROUP BY username, sub ORDER BY username, "validFrom"`,
    [poolId, username, identityNames],
  );
  return linked.rows;
}

/** Everything about each of some profiles, in their order. */
export async function listHistories(
  asking: Asking,
  profiles: readonly Profile[],
): Promise<ProfileHistory[]> {
  const histories: ProfileHistory[] = [];
  for (const profile of profiles) {
    const versions = await listVersions(asking, profile);
    const identityNames = new Set(versions.flatMap((version) => version.identityNames));
    histories.push({
      ...profile,
      versions,
      memberships: await listMembershipPeriods(asking, profile),
      linked: await listLinkedProfiles(asking, profile, [...identityNames]),
    });
  }
  return histories;
}
