import type { Asking } from './ask.ts';

/**
 * Those of the names that the pool does not define as custom attributes, and that no published version of a
 * user has. Such a name costs a scan of the pool's users and their history.
 */
export async function findUnknownAttributes(
  { db, poolId }: Asking,
  names: readonly string[],
): Promise<string[]> {
  const found = await db.query<{ name: string }>(
    `SELECT name FROM unnest($2::text[]) AS name
     WHERE NOT EXISTS (
       SELECT FROM directory.pools WHERE pool_id = $1 AND name = ANY (custom_attributes)
     )
       AND NOT EXISTS (SELECT FROM directory.users WHERE pool_id = $1 AND attributes ? name)
       AND NOT EXISTS (SELECT FROM directory.user_history WHERE pool_id = $1 AND attributes ? name)`,
    [poolId, names],
  );
  return found.rows.map(({ name }) => name);
}
