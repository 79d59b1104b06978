import type { User } from '../../model/user.ts';
import type { Queryable } from '../connection.ts';
import type { Run } from '../run.ts';
import { stageTables } from '../stage-tables.ts';
import { stagedMember, stagedUser } from './staged-row.ts';
import type { Walk } from './walk.ts';

/** A page of users or members on its way into the stage. */
export interface UserPage {
  readonly walk: Walk;
  /** The token of the page after it; null ends the walk. */
  readonly nextToken: string | null;
  /** `performance.now()` at the sending of its request: the age of the token counts from there. */
  readonly sentAt: number;
  /** The profiles to stage. */
  readonly users: readonly User[];
  /** The memberships to stage, of a walk over members. */
  readonly members: readonly User[];
}

/**
 * Stages pages, at most one of each walk: their rows and the checkpoints of their walks in one
 * statement, and so in one transaction. A user whose hash is that of the current row is staged as
 * no more than key and hash, unless the row has drifted (`drift.ts`).
 * A page of a walk that is no longer its holder's is left out.
 *
 * @returns the ids of the walks whose page was staged.
 */
export async function commitPages(
  db: Queryable,
  run: Run,
  pages: readonly UserPage[],
): Promise<Set<number>> {
  const t = stageTables(run.stage);
  const now = performance.now();
  const checkpoints = pages.map((page) => ({
    walk: page.walk.id,
    attempt: page.walk.attempt,
    claim: page.walk.claim,
    token: page.nextToken,
    age: now - page.sentAt,
    items: page.walk.kind === 'members' ? page.members.length : page.users.length,
  }));
  const users = pages.flatMap((page) => page.users.map((user) => stagedUser(page.walk.id, user)));
  const members = pages.flatMap((page) =>
    page.members.map((member) => stagedMember(page.walk.id, member)),
  );
  const staged = await db.query<{ id: number }>({
    name: `commit-pages-${run.stage}`,
    text: `
      WITH page AS (
        UPDATE ${t.walks} AS w SET
          token = c.token,
          token_at = clock_timestamp() - c.age * interval '1 millisecond',
          pages = w.pages + 1,
          items = w.items + c.items,
          state = CASE WHEN c.token IS NULL THEN 'done' ELSE 'open' END
        FROM jsonb_to_recordset($1) AS c (
          walk integer, attempt integer, claim integer, token text, age double precision, items integer
        )
        WHERE w.id = c.walk AND w.attempt = c.attempt AND w.claim = c.claim AND w.state = 'open'
        RETURNING w.id, w.attempt, w.group_name, w.token_at
      ), members AS (
        INSERT INTO ${t.memberships} (walk, attempt, read_at, group_name, username, sub)
        SELECT p.id, p.attempt, p.token_at, p.group_name, m.username, m.sub
        FROM jsonb_to_recordset($3) AS m (walk integer, username text, sub text)
        JOIN page AS p ON p.id = m.walk
      ), users AS (
        INSERT INTO ${t.users} (walk, attempt, read_at, username, sub, modified_at, hash, status,
          enabled, created_at, attributes, mfa_options, escaped)
        SELECT p.id, p.attempt, p.token_at, u.username, u.sub, u.modified_at, u.hash,
          CASE WHEN n.new THEN u.status END, CASE WHEN n.new THEN u.enabled END,
          CASE WHEN n.new THEN u.created_at END, CASE WHEN n.new THEN u.attributes END,
          CASE WHEN n.new THEN u.mfa_options END, CASE WHEN n.new THEN u.escaped END
        FROM jsonb_to_recordset($2) AS u (
          walk integer, username text, sub text, modified_at timestamptz, hash uuid, status text,
          enabled boolean, created_at timestamptz, attributes jsonb, mfa_options jsonb, escaped text[]
        )
        JOIN page AS p ON p.id = u.walk
        -- One probe of the key a user: as a join it can read the whole pool where statistics are old.
        LEFT JOIN LATERAL (
          SELECT k.hash FROM mirror.user_hashes AS k
          WHERE k.pool_id = $4 AND k.username = u.username COLLATE "C" AND NOT k.stale LIMIT 1
        ) AS h ON true
        CROSS JOIN LATERAL (SELECT h.hash IS DISTINCT FROM u.hash AS new) AS n
      )
      SELECT id FROM page`,
    values: [
      JSON.stringify(checkpoints),
      `[${users.join(',')}]`,
      `[${members.join(',')}]`,
      run.poolId,
    ],
  });
  return new Set(staged.rows.map((row) => row.id));
}
