import type { Queryable } from '../connection.ts';
import type { Run } from '../run.ts';

/**
 * How many current users have a `sub` that begins with `prefix`, by the digit that follows it.
 * Digits that no user has are left out.
 */
export async function usersByNextDigit(
  db: Queryable,
  run: Run,
  prefix: string,
): Promise<Map<string, number>> {
  const counted = await db.query<{ digit: string; users: number }>(
    `SELECT substr(sub, $3::integer, 1) AS digit, count(*) AS users FROM directory.users
     WHERE pool_id = $1 AND sub >= $2 AND sub < $2 || 'g' GROUP BY digit`,
    [run.poolId, prefix, prefix.length + 1],
  );
  return new Map(counted.rows.map((row) => [row.digit, row.users]));
}
