import { ActionRequiredError } from '../model/errors.ts';
import type { Asking } from '../postgres/history/ask.ts';
import {
  findProfiles,
  type LinkedProfile,
  listLinkedProfiles,
  listMembershipPeriods,
  listVersions,
  type MembershipPeriod,
  type Period,
  type Profile,
} from '../postgres/history/profiles.ts';
import { type FieldValue, listFields } from './changes.ts';
import { requirePublished } from './points.ts';

/** An e-mail address can belong to many profiles. */
const MOST_PROFILES = 100;

/** One version of a user. */
export interface UserVersion extends Period {
  /** The columns and attributes that are set, by name. */
  readonly fields: Readonly<Record<string, FieldValue>>;
}

/** All that is known of one user: a person under one name. */
export interface UserHistory extends Profile {
  /** The oldest first. */
  readonly versions: readonly UserVersion[];
  /** By group, the oldest first. */
  readonly memberships: readonly MembershipPeriod[];
  /** Other profiles of the same person, by the attribute `identities`. */
  readonly linked: readonly LinkedProfile[];
}

/** The answer of `history`. */
export interface HistoryOfUsers {
  readonly poolId: string;
  /** The users that match, by name. */
  readonly users: readonly UserHistory[];
}

/**
 * Every version and every membership of a user, with their periods.
 *
 * @param user a username, `sub` or e-mail address, of any version of the user
 * @throws ActionRequiredError if no user matches, or over 100 do
 */
export async function history(asking: Asking, user: string): Promise<HistoryOfUsers> {
  const users: UserHistory[] = [];
  for (const profile of await requireProfiles(asking, user)) {
    const versions = await listVersions(asking, profile);
    const identityNames = new Set(versions.flatMap((version) => version.identityNames));
    users.push({
      ...profile,
      versions: versions.map(({ validFrom, validTo, content }) => ({
        validFrom,
        validTo,
        fields: Object.fromEntries(listFields(content)),
      })),
      memberships: await listMembershipPeriods(asking, profile),
      linked: await listLinkedProfiles(asking, profile, [...identityNames]),
    });
  }
  return { poolId: asking.poolId, users };
}

/** The profiles that match. The messages of its errors do not repeat `user`, which is personal. */
export async function requireProfiles(asking: Asking, user: string): Promise<Profile[]> {
  await requirePublished(asking);
  const profiles = await findProfiles(asking, user, MOST_PROFILES + 1);
  if (profiles.length > 0 && profiles.length <= MOST_PROFILES) return profiles;
  throw new ActionRequiredError([
    profiles.length === 0
      ? {
          subject: 'USER',
          problem: `no user of ${asking.poolId} ever had this username, sub or e-mail address.`,
          remedy: 'Give one in full. Usernames and subs must match in case.',
        }
      : {
          subject: 'USER',
          problem: `over ${MOST_PROFILES} users of ${asking.poolId} match.`,
          remedy: 'Give a username or a sub.',
        },
  ]);
}
