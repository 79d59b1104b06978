import type { Queryable } from '../connection.ts';

/**
 * Tells the planner what is in the tables now: by what it takes for granted of an empty one, it would
 * sort a whole pool to give it in key order. Only the columns that rows are found and ordered by;
 * autovacuum, which comes a minute later, sees to the rest.
 */
export async function analyzeKeys(db: Queryable): Promise<void> {
  await db.query(`ANALYZE directory.users (pool_id, username, valid_from),
    directory.memberships (pool_id, group_name, username, valid_from)`);
}
