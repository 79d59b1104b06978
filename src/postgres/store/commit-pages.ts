import { hash } from 'node:crypto';
import type { Group, MfaOption, User } from '../../model/directory.ts';
import type { Queryable } from '../connection.ts';
import type { SnapshotLease } from './leases.ts';
import { stageTables } from './stage.ts';
import type { Walk } from './walks.ts';

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
    items: page.walk.kind === 'members' ? page.members.length : page.users.length,
  }));
  const users = pages.flatMap((page) => page.users.map((user) => stagedUser(page.walk.id, user)));
  const members = pages.flatMap((page) =>
    page.members.map((member) => stagedMember(page.walk.id, member)),
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
          state = CASE WHEN c.token IS NULL THEN 'done' ELSE 'open' END
        FROM jsonb_to_recordset($1) AS c (
          walk integer, attempt integer, lease integer, token text, age double precision, items integer
        )
        WHERE w.id = c.walk AND w.attempt = c.attempt AND w.lease = c.lease AND w.state = 'open'
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
      lease.poolId,
    ],
  });
  return new Set(staged.rows.map((row) => row.id));
}

/**
 * The version of the hash. Hashes of another version say nothing, so that the first snapshot after
 * a change here compares every row in full and still calls no unchanged user modified.
 */
const HASH_VERSION = 1;

/**
 * A user as the JSON text of a row to stage. It is built by hand, as the text of what is hashed is
 * most of the row, and each user of a pool passes here in every snapshot.
 */
export function stagedUser(walk: number, user: User): string {
  const content =
    `"sub":${JSON.stringify(user.sub)},"status":${JSON.stringify(user.status)},` +
    `"enabled":${user.enabled},"created_at":${moment(user.createdAt)},` +
    `"modified_at":${moment(user.modifiedAt)},"attributes":${sortedObject(user.attributes)},` +
    `"mfa_options":${mfaOptions(user.mfaOptions)},"escaped":${JSON.stringify(user.escaped)}`;
  // 128 bits of SHA-256, in the form of a uuid: 16 bytes in Postgres, compared as one value.
  const digest = hash('sha256', `${HASH_VERSION}${content}`, 'hex').slice(0, 32);
  return `{"walk":${walk},"username":${JSON.stringify(user.username)},"hash":"${digest}",${content}}`;
}

/** A membership as the JSON text of a row to stage. */
export function stagedMember(walk: number, member: User): string {
  return `{"walk":${walk},"username":${JSON.stringify(member.username)},"sub":${JSON.stringify(member.sub)}}`;
}

/** A group as a row to stage. */
export function stagedGroup(group: Group): object {
  return {
    group_name: group.groupName,
    description: group.description,
    role_arn: group.roleArn,
    precedence: group.precedence,
    created_at: group.createdAt,
    modified_at: group.modifiedAt,
    escaped: group.escaped,
  };
}

function moment(date: Date | null): string {
  return date === null ? 'null' : `"${date.toISOString()}"`;
}

function sortedObject(attributes: Readonly<Record<string, string>>): string {
  const names = Object.keys(attributes).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(attributes[name])}`).join(',')}}`;
}

/** In the service's own names, as readers know them from its documentation. */
function mfaOptions(options: readonly MfaOption[]): string {
  if (options.length === 0) return 'null';
  return JSON.stringify(
    options.map((option) => ({
      DeliveryMedium: option.deliveryMedium,
      AttributeName: option.attributeName,
    })),
  );
}
