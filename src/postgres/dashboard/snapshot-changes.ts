import type { GroupDifference, UserDifference } from '../../model/history.ts';
import type { Queryable } from '../connection.ts';
import { listGroupDifferences, listUserDifferences } from '../history/differences.ts';

/** Two published snapshots of a pool in a row. */
export interface ChangedSpan {
  readonly poolId: string;
  readonly from: Date;
  readonly to: Date;
}

/** The versions that began or ended with a snapshot, by table. Which table they are in can change later. */
export type VersionCounts = Readonly<Record<(typeof ARMS)[number]['name'], number>>;

/** Where versions that a snapshot began or ended are found. */
const ARMS = [
  { name: 'usersBegan', table: 'users', column: 'valid_from' },
  { name: 'userHistoryBegan', table: 'user_history', column: 'valid_from' },
  { name: 'userHistoryEnded', table: 'user_history', column: 'valid_to' },
  { name: 'membershipsBegan', table: 'memberships', column: 'valid_from' },
  { name: 'membershipHistoryBegan', table: 'membership_history', column: 'valid_from' },
  { name: 'membershipHistoryEnded', table: 'membership_history', column: 'valid_to' },
] as const;

type Arm = (typeof ARMS)[number];

/** Counts the versions of a snapshot through their indexes. */
export async function countVersions(
  db: Queryable,
  { poolId, to }: ChangedSpan,
): Promise<VersionCounts> {
  const counts = ARMS.map(
    ({ name, table, column }) =>
      `(SELECT count(*) FROM directory.${table} WHERE pool_id = $1 AND ${column} = $2) AS "${name}"`,
  );
  const found = await db.query<VersionCounts>(`SELECT ${counts.join(', ')}`, [poolId, to]);
  return found.rows[0] as VersionCounts;
}

/** Which users of a snapshot's changes are listed. */
export interface ChangesQuestion {
  /** Null: all of them, also those whose memberships alone changed. */
  readonly kind: 'added' | 'removed' | 'modified' | null;
  /** Names of users that begin with this; '' for all. */
  readonly prefix: string;
  /** These users alone; null for all. */
  readonly usernames: readonly string[] | null;
  /** The user before the first one of the page; '' for the first page. */
  readonly after: string;
  readonly limit: number;
}

/**
 * Above this many versions, a page reads the table in the order of its key until it is full, which is
 * soon: many of its rows match. Below, it reads the versions through their index and sorts them.
 */
const MANY = 50_000;

/**
 * The next users that a snapshot changed, by name, with what changed. Neither time nor memory grows with
 * the number of changes.
 */
export async function listChangedUsers(
  db: Queryable,
  span: ChangedSpan,
  versions: VersionCounts,
  question: ChangesQuestion,
): Promise<UserDifference[]> {
  const { poolId, to } = span;
  const { kind, prefix, usernames, after, limit } = question;
  const arms = ARMS.filter((arm) => versions[arm.name] > 0 && MAY_TELL[kind ?? 'any'](arm));
  if (arms.length === 0) return [];
  // Few of the versions may be of these kinds. OFFSET 0 hides the limit from the planner, which would look up
  // the other versions one by one until it has enough.
  const isRare = kind === 'added' || kind === 'removed';
  const selects = arms.map(
    ({ name, table, column }) =>
      `(SELECT DISTINCT username FROM (
          SELECT username FROM directory.${table} AS v
          WHERE pool_id = $1 AND ${versions[name] > MANY ? `${column} + interval '0'` : column} = $2
            AND username > $3 AND ($4 = '' OR username >= $4 AND starts_with(username, $4))
            AND ($5::text[] IS NULL OR username = ANY ($5)) AND ${CONDITIONS[kind ?? 'any']}
          ${isRare && versions[name] <= MANY ? 'OFFSET 0' : ''}
        ) AS changed ORDER BY username LIMIT $6)`,
  );
  const found = await db.query<{ username: string }>(
    `SELECT username FROM (${selects.join(' UNION ')}) AS found ORDER BY username LIMIT $6`,
    [poolId, to, after, prefix, usernames, limit],
  );
  const names = found.rows.map(({ username }) => username);
  return names.length === 0 ? [] : listUserDifferences(db, poolId, span, names);
}

/** The next groups that a snapshot changed, by name. */
export function listChangedGroups(
  db: Queryable,
  span: ChangedSpan,
  page: { readonly after: string; readonly limit: number },
): Promise<GroupDifference[]> {
  return listGroupDifferences(db, span.poolId, span, page);
}

const began = ({ name }: Arm) => name === 'usersBegan' || name === 'userHistoryBegan';

/** The parts of the query for a kind of change. */
const MAY_TELL = {
  any: () => true,
  added: began,
  modified: began,
  removed: ({ name }: Arm) => name === 'userHistoryEnded',
} as const;

const ended = `SELECT FROM directory.user_history AS b
  WHERE b.pool_id = $1 AND b.username = v.username AND b.valid_to = $2`;
const follows = (table: string) => `SELECT FROM directory.${table} AS a
  WHERE a.pool_id = $1 AND a.username = v.username AND a.valid_from = $2`;

/** Conditions on a version `v`. A name that another person took over counts as modified. */
const CONDITIONS = {
  any: 'true',
  added: `NOT EXISTS (${ended})`,
  modified: `EXISTS (${ended})`,
  removed: `NOT EXISTS (${follows('users')}) AND NOT EXISTS (${follows('user_history')})`,
} as const;
