import type pg from 'pg';
import { type ChangeKind, compareUser, type FieldChange } from '../../history/changes.ts';
import { type EffectiveRole, findEffectiveRole } from '../../history/effective-role.ts';
import { findPublished } from '../../history/points.ts';
import type {
  MembershipPeriod,
  MembershipThen,
  Moment,
  Period,
  Profile,
  ProfileHistory,
  ProfileVersion,
} from '../../model/history.ts';
import type { PrivacyRecord } from '../../model/privacy.ts';
import { askPool } from '../../postgres/history/ask.ts';
import { postgresSource } from '../../postgres/history/source.ts';
import { STATEMENT_MS } from './search.ts';

/** A version with what differs from the one before. */
export interface ShownVersion extends Period {
  readonly kind: ChangeKind;
  /** Columns and attributes by name. Empty if only what pages leave out differs. */
  readonly fields: Readonly<Record<string, FieldChange>>;
}

/** Everything that the page of a user shows. */
export interface UserDetails {
  readonly profile: Profile;
  /** The newest snapshot. */
  readonly latest: Moment;
  /** The current version, or the last one of a user who is gone. */
  readonly last: ProfileVersion;
  /** The groups of today with what they decide. Empty if the user is gone. */
  readonly groups: readonly MembershipThen[];
  readonly role: EffectiveRole;
  /** Memberships that ended. */
  readonly earlier: readonly MembershipPeriod[];
  readonly linked: ProfileHistory['linked'];
  /** Other persons who have or had this username. */
  readonly namesakes: readonly Profile[];
  /** The newest first. */
  readonly versions: readonly ShownVersion[];
  /** The beginning of the version after the shown ones; null if none is left. */
  readonly nextBefore: Date | null;
  /** What privacy rules hid, each once. */
  readonly hidden: readonly PrivacyRecord[];
}

/** How many versions a page has. */
export const VERSIONS_PER_PAGE = 20;

/** More persons than ever had one name. */
const MOST_NAMESAKES = 100;

/**
 * Reads all that is known of a user from the history, as the commands `history` and `access` do.
 *
 * @param before shows versions that began before this time; null for the newest
 * @returns null if no version of the profile is left
 */
export function readUser(
  db: pg.Pool,
  poolId: string,
  profile: Profile,
  before: Date | null,
): Promise<UserDetails | null> {
  return askPool(
    db,
    poolId,
    async (asking) => {
      const source = postgresSource(asking);
      const [known] = await source.listHistories([profile]);
      const last = known?.versions.at(-1);
      if (known === undefined || last === undefined) return null;
      const latest = await findPublished(source, 'AT', 'latest');
      const [today] = last.validTo === null ? await source.listUsers([profile], latest) : [];
      const named = await source.findProfiles(profile.username, null, MOST_NAMESAKES);
      const groups = today?.groups ?? [];
      return {
        profile,
        latest,
        last,
        groups,
        role: findEffectiveRole(groups),
        earlier: known.memberships.filter(({ validTo }) => validTo !== null),
        linked: known.linked,
        namesakes: named.filter(
          ({ username, sub }) => username === profile.username && sub !== profile.sub,
        ),
        ...pickVersions(profile, known.versions, before),
        hidden: await source.listHidden(),
      };
    },
    STATEMENT_MS,
  );
}

function pickVersions(
  { username }: Profile,
  all: readonly ProfileVersion[],
  before: Date | null,
): Pick<UserDetails, 'versions' | 'nextBefore'> {
  const end = all.filter(({ validFrom }) => before === null || validFrom < before).length;
  const start = Math.max(0, end - VERSIONS_PER_PAGE);
  const versions = all.slice(start, end).map((version, index): ShownVersion => {
    const older = all[start + index - 1];
    // Between two versions with a gap, the user was not in the pool.
    const isNext = older?.validTo?.getTime() === version.validFrom.getTime();
    const difference = compareUser(
      {
        username,
        before: isNext && older ? older.content : null,
        after: version.content,
        memberSub: null,
        joined: [],
        left: [],
      },
      {},
    );
    const { validFrom, validTo } = version;
    return {
      validFrom,
      validTo,
      kind: difference?.kind ?? 'modified',
      fields: difference?.fields ?? {},
    };
  });
  return {
    versions: versions.reverse(),
    nextBefore: start > 0 ? (all[start]?.validFrom ?? null) : null,
  };
}
