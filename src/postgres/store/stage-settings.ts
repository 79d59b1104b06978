import type pg from 'pg';
import type { Json, Settings } from '../../model/pool-settings.ts';
import type { Queryable } from '../connection.ts';
import { type SnapshotLease, withLease } from './leases.ts';
import { isStageLogged } from './stage.ts';
import { READING_STATES } from './states.ts';

/** What the answer of one call says about a part, or about a list of parts. */
export interface StagedSetting {
  /** Such as `client/1a2b3c`; of a list `client/`. */
  readonly part: string;
  /** The settings, or the ids of a list. Null: it does not exist, or could not be read. */
  readonly settings: Settings | readonly string[] | null;
  /** Why it could not be read, or null. */
  readonly unread: string | null;
}

/**
 * The table of a stage with the settings that were read. It exists only if the snapshot keeps settings.
 * It is LOGGED if the others are: a crash of Postgres empties all of them or none.
 */
export function settingsTable(stage: number): string {
  return `mirror.stage_${stage}_settings`;
}

/** Creates the table of a snapshot that keeps settings, unless it exists. */
export async function createSettingsStage(pool: pg.Pool, lease: SnapshotLease): Promise<void> {
  await withLease(pool, lease, READING_STATES, async (client) => {
    const kind = (await isStageLogged(client, lease.stage)) ? '' : 'UNLOGGED';
    await client.query(
      `CREATE ${kind} TABLE IF NOT EXISTS ${settingsTable(lease.stage)} (
         part text COLLATE "C" PRIMARY KEY,
         settings jsonb,
         unread text
       )`,
    );
  });
}

/** Drops the table, if an earlier run of the snapshot kept settings and this one does not. */
export async function dropSettingsStage(pool: pg.Pool, lease: SnapshotLease): Promise<void> {
  if (!(await hasStagedSettings(pool, lease))) return;
  await withLease(pool, lease, READING_STATES, (client) =>
    client.query(`DROP TABLE IF EXISTS ${settingsTable(lease.stage)}`),
  );
}

/** True if the snapshot keeps settings. */
export async function hasStagedSettings(
  db: Queryable,
  { stage }: Pick<SnapshotLease, 'stage'>,
): Promise<boolean> {
  const found = await db.query<{ exists: boolean }>(
    'SELECT to_regclass($1) IS NOT NULL AS exists',
    [settingsTable(stage)],
  );
  return found.rows[0]?.exists ?? false;
}

/** What was read, by part. What could not be read is left out: it is read again. */
export async function readStagedSettings(
  db: Queryable,
  lease: SnapshotLease,
): Promise<Map<string, Json>> {
  const found = await db.query<{ part: string; settings: Json }>(
    `SELECT part, settings FROM ${settingsTable(lease.stage)} WHERE unread IS NULL`,
  );
  return new Map(found.rows.map(({ part, settings }) => [part, settings]));
}

/** Stages what one call gave, in one transaction. */
export async function stageSettings(
  pool: pg.Pool,
  lease: SnapshotLease,
  rows: readonly StagedSetting[],
): Promise<void> {
  await withLease(pool, lease, READING_STATES, (client) =>
    client.query(
      `INSERT INTO ${settingsTable(lease.stage)} AS s (part, settings, unread)
       SELECT part, nullif(settings, 'null'), unread
       FROM jsonb_to_recordset($1) AS r (part text, settings jsonb, unread text)
       ON CONFLICT (part) DO UPDATE SET settings = excluded.settings, unread = excluded.unread`,
      [JSON.stringify(rows)],
    ),
  );
}
