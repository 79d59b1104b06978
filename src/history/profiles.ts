import { ActionRequiredError } from '../model/errors.ts';
import type { Period, Profile, ProfileHistory } from '../model/history.ts';
import type { HistorySource } from '../model/history-source.ts';
import type { HashKey } from '../privacy/hash-key.ts';
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
export interface UserHistory extends Omit<ProfileHistory, 'versions'> {
  /** The oldest first. */
  readonly versions: readonly UserVersion[];
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
 * @param key finds e-mail addresses that are hashed; null without one
 * @throws ActionRequiredError if no user matches, or over 100 do
 */
export async function history(
  source: HistorySource,
  user: string,
  key: HashKey | null = null,
): Promise<HistoryOfUsers> {
  const found = await source.listHistories(await requireProfiles(source, user, key));
  const users = found.map((each) => ({
    ...each,
    versions: each.versions.map(({ validFrom, validTo, content }) => ({
      validFrom,
      validTo,
      fields: Object.fromEntries(listFields(content)),
    })),
  }));
  return { poolId: source.poolId, users };
}

/** The profiles that match. The messages of its errors do not repeat `user`, which is personal. */
export async function requireProfiles(
  source: HistorySource,
  user: string,
  key: HashKey | null,
): Promise<Profile[]> {
  await requirePublished(source);
  const hashed = key?.hash(source.poolId, 'email', user) ?? null;
  const profiles = await source.findProfiles(user, hashed, MOST_PROFILES + 1);
  if (profiles.length > 0 && profiles.length <= MOST_PROFILES) return profiles;
  throw new ActionRequiredError([
    profiles.length === 0
      ? {
          subject: 'USER',
          problem: `no user of ${source.poolId} ever had this username, sub or e-mail address.`,
          remedy: `Give one in full. Usernames and subs must match in case.${await explainHidden(source, key)}`,
        }
      : {
          subject: 'USER',
          problem: `over ${MOST_PROFILES} users of ${source.poolId} match.`,
          remedy: 'Give a username or a sub.',
        },
  ]);
}

/** Why an e-mail address may not be found: sentences after another one. */
async function explainHidden(source: HistorySource, key: HashKey | null): Promise<string> {
  const hidden = await source.listHidden();
  const omits = hidden.some(({ omitted }) => omitted.includes('email'));
  const keyIds = new Set(hidden.flatMap(({ hashed }) => hashed['email'] ?? []));
  keyIds.delete(key?.id ?? '');
  return [
    omits ? ' E-mail addresses are left out by a privacy rule.' : '',
    keyIds.size > 0
      ? ` E-mail addresses are hashed: to search by them, set MIRROR_HASH_KEY to the key with the id ${[...keyIds].sort().join(' or ')}.`
      : '',
  ].join('');
}
