import type { Profile } from '../../model/history.ts';
import type { Asking } from '../history/ask.ts';

/** A person of a pool, as a search shows it: the current state, or the last one of a person who is gone. */
export interface FoundPerson extends Profile {
  readonly poolId: string;
  readonly email: string | null;
  readonly name: string | null;
  readonly status: string | null;
  readonly enabled: boolean | null;
  /** The first snapshot without the person; null if the person is there. */
  readonly goneAt: Date | null;
}

/** How a value is compared. Upper and lower case do not matter. */
export type Comparison = 'is' | 'starts';

/** Follows every text that begins the same, as no name holds this noncharacter. */
const AFTER_ALL = '\u{10ffff}';

/** Columns with an index in both tables, and what each is compared with: the text `t.text`. */
const INDEXED = [
  ['username', 't.text'],
  ['sub', 't.text'],
  ['"left"(lower(email), 320) COLLATE "C"', '"left"(lower(t.text), 320)'],
] as const;

const LATEST = (table: string, goneAt: string) =>
  `SELECT email, name, status, enabled, ${goneAt} AS "goneAt", valid_from
   FROM directory.${table} AS v
   WHERE v.pool_id = f.pool_id AND v.username = f.username AND v.sub IS NOT DISTINCT FROM f.sub`;

/**
 * The persons with this username, `sub` or e-mail address in any version, at most `limit`, by pool and
 * name. It reads indexes alone, which know a username and a `sub` in their own case: besides the text as
 * given it looks for its lower case. E-mail addresses have no case.
 *
 * @param hashes the hashes that stand for the text where e-mail addresses are hashed
 */
export async function findPeople(
  { db }: Pick<Asking, 'db'>,
  poolIds: readonly string[],
  { text, comparison }: { readonly text: string; readonly comparison: Comparison },
  hashes: readonly string[],
  limit: number,
): Promise<FoundPerson[]> {
  // A person has a row in the history for each closed version: the limit counts persons. The index gives
  // the order of the column, so that no more rows are read than the limit needs.
  const arms = ['users', 'user_history'].flatMap((table) =>
    INDEXED.map(
      ([column, low]) =>
        `(SELECT DISTINCT ON (${column}, username, sub) username, sub FROM directory.${table}
          WHERE pool_id = p.pool_id AND ${column} >= ${low} AND ${column} <= ${low} || $3
          ORDER BY ${column}, username, sub LIMIT $4)`,
    ),
  );
  const texts = [...new Set([text, text.toLowerCase(), ...hashes])];
  const after = comparison === 'is' ? '' : AFTER_ALL;
  const found = await db.query<FoundPerson>(
    `SELECT f.pool_id AS "poolId", f.username, f.sub, v.email, v.name, v.status, v.enabled, v."goneAt"
     FROM (
       SELECT DISTINCT p.pool_id, a.username, a.sub
       FROM unnest($1::text[]) AS p (pool_id)
       CROSS JOIN unnest($2::text[]) AS t (text)
       CROSS JOIN LATERAL (${arms.join(' UNION ALL ')}) AS a
       ORDER BY p.pool_id, a.username, a.sub LIMIT $4
     ) AS f
     CROSS JOIN LATERAL (
       ${LATEST('users', 'NULL::timestamptz')} UNION ALL ${LATEST('user_history', 'valid_to')}
       ORDER BY valid_from DESC LIMIT 1
     ) AS v
     ORDER BY f.pool_id, f.username, f.sub`,
    [poolIds, texts, after, limit],
  );
  return found.rows;
}
