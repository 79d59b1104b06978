import type { Queryable } from '../connection.ts';

/**
 * Drops the tables of every stage that is needed no longer: those of snapshots that are neither
 * walking nor held. A program that was killed between an end and its clean-up leaves such tables.
 */
export async function dropEndedStages(db: Queryable): Promise<void> {
  const ended = await db.query<{ tables: string | null }>(`
    SELECT string_agg(format('mirror.%I', c.relname), ', ') AS tables
    FROM pg_class AS c
    WHERE c.relnamespace = 'mirror'::regnamespace AND c.relkind = 'r'
      AND c.relname ~ '^stage_[0-9]+_'
      AND NOT EXISTS (
        SELECT FROM mirror.runs AS r JOIN directory.snapshots AS s USING (pool_id, snapshot_at)
        WHERE s.state IN ('walking', 'held')
          AND r.stage = substring(c.relname FROM '^stage_([0-9]+)_')::integer
      )`);
  const tables = ended.rows[0]?.tables;
  if (tables) await db.query(`DROP TABLE IF EXISTS ${tables}`);
}
