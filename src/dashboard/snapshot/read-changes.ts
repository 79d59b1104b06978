import type pg from 'pg';
import {
  compareGroup,
  compareUser,
  type GroupChange,
  type UserChange,
} from '../../history/changes.ts';
import { encodeName } from '../../model/storable.ts';
import {
  type ChangedSpan,
  countVersions,
  listChangedGroups,
  listChangedUsers,
  type VersionCounts,
} from '../../postgres/dashboard/snapshot-changes.ts';
import { type Asking, askPool } from '../../postgres/history/ask.ts';
import { findProfiles } from '../../postgres/history/profiles.ts';
import { Kept } from '../keep.ts';
import type { SnapshotDetails } from './read-snapshot.ts';

/** How many users or groups a page of changes has. */
export const CHANGES_PER_PAGE = 50;

/** The longest that one statement of a page may take. */
const STATEMENT_MS = 5_000;

/** The most profiles that a search by e-mail address or `sub` finds. */
const MOST_PROFILES = 50;

/** What a list of changes can be narrowed down to. */
export const CHANGE_FILTERS = ['all', 'added', 'removed', 'modified', 'groups'] as const;
export type ChangeFilter = (typeof CHANGE_FILTERS)[number];

/** Which changes a person asks for. */
export interface ChangesAsked {
  readonly filter: ChangeFilter;
  /** The beginning of a username, or a whole e-mail address or `sub`; '' for all. */
  readonly text: string;
  /** The user or group before the first one of the page; '' for the first page. */
  readonly after: string;
}

/** One page of what a snapshot changed. */
export interface ChangesPage {
  readonly users: readonly UserChange[];
  readonly groups: readonly GroupChange[];
  /** The last user or group, if others may follow; else null. */
  readonly next: string | null;
}

/** How many memberships a snapshot began and ended. */
export interface MembershipChanges {
  readonly joined: number;
  readonly left: number;
}

/** Reads what published snapshots changed. Counts of versions are kept: every page needs them. */
export class ChangesReader {
  readonly #db: pg.Pool;
  readonly #versions = new Kept<VersionCounts>();

  constructor(db: pg.Pool) {
    this.#db = db;
  }

  /** The snapshots that are compared; null if it is not known what the snapshot changed. */
  spanOf({ row, run, pool }: SnapshotDetails): ChangedSpan | null {
    const { poolId, snapshotAt, publishedAt } = row;
    const from = run?.comparedWith ?? null;
    if (publishedAt === null || from === null || pool.startsAt === null) return null;
    return snapshotAt > pool.startsAt ? { poolId, from, to: snapshotAt } : null;
  }

  async countMemberships(details: SnapshotDetails, span: ChangedSpan): Promise<MembershipChanges> {
    const counts = await this.#countVersions(details, span);
    return {
      joined: counts.membershipsBegan + counts.membershipHistoryBegan,
      left: counts.membershipHistoryEnded,
    };
  }

  async read(
    details: SnapshotDetails,
    span: ChangedSpan,
    asked: ChangesAsked,
  ): Promise<ChangesPage> {
    const versions = await this.#countVersions(details, span);
    const page = { after: asked.after, limit: CHANGES_PER_PAGE };
    const ask = async (asking: Asking): Promise<ChangesPage> => {
      if (asked.filter === 'groups') {
        const rows = await listChangedGroups(asking.db, span, page);
        const groups = rows.flatMap((row) => compareGroup(row, { allFields: true }) ?? []);
        return { users: [], groups, next: nextOf(rows.map(({ groupName }) => groupName)) };
      }
      const rows = await listChangedUsers(asking.db, span, versions, {
        kind: asked.filter === 'all' ? null : asked.filter,
        ...(await findNames(asking, asked.text)),
        ...page,
      });
      const users = rows.flatMap((row) => compareUser(row, { allFields: true }) ?? []);
      return { users, groups: [], next: nextOf(rows.map(({ username }) => username)) };
    };
    return askPool(this.#db, span.poolId, ask, STATEMENT_MS);
  }

  #countVersions({ pool }: SnapshotDetails, span: ChangedSpan): Promise<VersionCounts> {
    // A later snapshot moves versions from one table to another.
    const key = [span.poolId, span.to.getTime(), pool.latestAt?.getTime()].join(' ');
    return this.#versions.get(key, () => countVersions(this.#db, span));
  }
}

function nextOf(names: readonly string[]): string | null {
  return names.length < CHANGES_PER_PAGE ? null : (names.at(-1) ?? null);
}

/** A text that is an e-mail address or a `sub` stands for its profiles, any other begins a username. */
async function findNames(
  asking: Asking,
  text: string,
): Promise<{ prefix: string; usernames: readonly string[] | null }> {
  if (text === '') return { prefix: '', usernames: null };
  const name = encodeName(text);
  const profiles = await findProfiles(asking, name, null, MOST_PROFILES);
  const isOther = profiles.some(({ username }) => !username.startsWith(name));
  return isOther
    ? { prefix: '', usernames: profiles.map(({ username }) => username) }
    : { prefix: name, usernames: null };
}
