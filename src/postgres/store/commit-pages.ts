import type { User } from '../../model/directory.ts';
import type { Queryable } from '../connection.ts';
import { listColumns, listedColumns } from './columns.ts';
import type { SnapshotLease } from './leases.ts';
import { stageTables } from './stage.ts';
import { formatMember, formatUser, STAGED_USER } from './staged-rows.ts';
import { LEAVES, type Walk } from './walks.ts';

/** A page of users or members to stage. */
export interface UserPage {
  readonly walk: Walk;
  /** The token of the next page; null ends the walk. */
  readonly nextToken: string | null;
  /** `performance.now()` when its request was sent: the age of the token counts from there. */
  readonly sentAt: number;
  /** How long its request waited for permits, in milliseconds, and how often it was repeated. */
  readonly waitedMs: number;
  readonly retries: number;
  /** The profiles to stage. */
  readonly users: readonly User[];
  /** The memberships to stage, of a walk over members. */
  readonly members: readonly User[];
}

const LISTED = listedColumns('users');

/** Columns of a staged user that checks and merging need of an unchanged user too. */
const ALWAYS_STAGED = ['username', 'sub', 'modified_at'];

/** Each listed column of the row `u`; content is null unless the user is new or changed. */
const STAGED_VALUES = LISTED.map(({ name }) =>
  ALWAYS_STAGED.includes(name) ? `u.${name}` : `CASE WHEN n.new THEN u.${name} END`,
).join(', ');

/**
 * Stages pages, at most one of each walk: their rows and the checkpoints of their walks in one
 * statement, and so in one transaction. A user whose hash equals that of the current row is staged
 * without content, unless the row has drifted (`drift.ts`). A page is skipped if its walk has
 * another holder now.
 *
 * @returns the ids of the walks whose page was staged.
 */
export async function commitPages(
  db: Queryable,
  lease: SnapshotLease,
  pages: readonly UserPage[],
): Promise<Set<number>> {
  const t = stageTables(lease.stage);
  const now = performance.now();
  const checkpoints = pages.map((page) => ({
    walk: page.walk.id,
    attempt: page.walk.attempt,
    lease: page.walk.lease,
    token: page.nextToken,
    age: now - page.sentAt,
    waited_ms: page.waitedMs,
    retries: page.retries,
    items: countItems(page),
  }));
  const users = pages.flatMap((page) => page.users.map((user) => formatUser(page.walk.id, user)));
  const members = pages.flatMap((page) =>
    page.members.map((member) => formatMember(page.walk.id, member)),
  );
  const staged = await db.query<{ id: number }>({
    name: `commit-pages-${lease.stage}`,
    text: `
      WITH page AS (
        UPDATE ${t.walks} AS w SET
          token = c.token,
          token_at = clock_timestamp() - c.age * interval '1 millisecond',
          pages = w.pages + 1,
          items = w.items + c.items,
          waited_ms = w.waited_ms + c.waited_ms,
          retries = w.retries + c.retries,
          ${LEAVES},
          state = CASE WHEN c.token IS NULL THEN 'done' ELSE 'open' END
        FROM jsonb_to_recordset($1) AS c (
          walk integer, attempt integer, lease integer, token text, age double precision, items integer,
          waited_ms double precision, retries integer
        )
        WHERE w.id = c.walk AND w.attempt = c.attempt AND w.lease = c.lease AND w.state = 'open'
        RETURNING w.id, w.attempt, w.group_name, w.token_at
      ), members AS (
        INSERT INTO ${t.memberships} (walk, attempt, read_at, group_name, username, sub)
        SELECT p.id, p.attempt, p.token_at, p.group_name, m.username, m.sub
        FROM jsonb_to_recordset($3) AS m (walk integer, username text, sub text)
        JOIN page AS p ON p.id = m.walk
      ), users AS (
        INSERT INTO ${t.users} (walk, attempt, read_at, hash, ${listColumns(LISTED)})
        SELECT p.id, p.attempt, p.token_at, u.hash, ${STAGED_VALUES}
        FROM jsonb_to_recordset($2) AS u (walk integer, ${STAGED_USER})
        JOIN page AS p ON p.id = u.walk
        -- One lookup of the key for each user: as a join it can read the whole pool if statistics are old.
        LEFT JOIN LATERAL (
          SELECT k.hash FROM mirror.user_hashes AS k
          WHERE k.pool_id = $4 AND k.username = u.username AND NOT k.stale LIMIT 1
        ) AS h ON true
        CROSS JOIN LATERAL (SELECT h.hash IS DISTINCT FROM u.hash AS new) AS n
      )
      SELECT id FROM page`,
    values: [
      JSON.stringify(checkpoints),
      `[${users.join(',')}]`,
      `[${members.join(',')}]`,
      lease.poolId,
    ],
  });
  return new Set(staged.rows.map((row) => row.id));
}

/** The items of a page. A walk over members also stages profiles, which are not its items. */
function countItems({ walk, users, members }: UserPage): number {
  switch (walk.kind) {
    case 'users':
      return users.length;
    case 'members':
      return members.length;
    case 'groups':
      throw new Error('A page of groups is staged by commitGroups.');
  }
}
