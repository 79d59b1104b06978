import type pg from 'pg';
import { LISTED_PARTS, MODIFIED_DATE, type UnreadParts } from '../../model/pool-settings.ts';
import { rowCount } from '../connection.ts';
import type { SnapshotLease } from './leases.ts';
import { hasStagedSettings, settingsTable } from './stage-settings.ts';

/** The settings that a publication keeps. */
export interface PublishedSettings {
  /** How many parts there are now. */
  readonly parts: number;
  readonly unread: UnreadParts | null;
}

const LISTS = LISTED_PARTS.map((part) => `'${part}'`).join(', ');

/** A staged row `s` of a part that exists. */
const EXISTS = `s.settings IS NOT NULL AND s.part NOT IN (${LISTS})`;

/** The content of a row without the date that changes by itself. */
const compared = (table: string) => `(${table}.settings - '${MODIFIED_DATE}')`;

/**
 * Makes the staged settings the current ones, within the publication's transaction. A part that could
 * not be read keeps its last version.
 *
 * @returns null if the snapshot keeps no settings.
 */
export async function publishSettings(
  client: pg.PoolClient,
  lease: SnapshotLease,
): Promise<PublishedSettings | null> {
  if (!(await hasStagedSettings(client, lease))) return null;
  const t = settingsTable(lease.stage);
  const key = [lease.poolId, lease.snapshotAt];
  await client.query(
    `WITH gone AS (
       DELETE FROM directory.pool_settings AS c
       WHERE c.pool_id = $1
         AND NOT EXISTS (SELECT FROM ${t} AS s WHERE s.part = c.part AND ${EXISTS})
         AND NOT EXISTS (${selectUnread(t)})
       RETURNING c.*
     )
     INSERT INTO directory.pool_setting_history (pool_id, part, settings, valid_from, valid_to)
     SELECT pool_id, part, settings, valid_from, $2 FROM gone
     ON CONFLICT DO NOTHING`,
    key,
  );
  await client.query(
    `WITH changed AS MATERIALIZED (
       SELECT c.part FROM directory.pool_settings AS c JOIN ${t} AS s ON s.part = c.part AND ${EXISTS}
       WHERE c.pool_id = $1 AND ${compared('c')} IS DISTINCT FROM ${compared('s')}
     ), closed AS (
       INSERT INTO directory.pool_setting_history (pool_id, part, settings, valid_from, valid_to)
       SELECT c.pool_id, c.part, c.settings, c.valid_from, $2
       FROM directory.pool_settings AS c JOIN changed USING (part) WHERE c.pool_id = $1
       ON CONFLICT DO NOTHING
     )
     UPDATE directory.pool_settings AS c SET settings = s.settings, valid_from = $2
     FROM ${t} AS s JOIN changed USING (part)
     WHERE c.pool_id = $1 AND c.part = s.part`,
    key,
  );
  await client.query(
    `INSERT INTO directory.pool_settings (pool_id, part, settings, valid_from, read_at)
     SELECT $1, s.part, s.settings, $2, $2 FROM ${t} AS s WHERE ${EXISTS}
     ON CONFLICT (pool_id, part) DO UPDATE SET read_at = excluded.read_at, unread = NULL`,
    key,
  );
  await client.query(
    `UPDATE directory.pool_settings AS c SET unread = k.unread
     FROM (
       SELECT c.part, (${selectUnread(t)}) AS unread
       FROM directory.pool_settings AS c WHERE c.pool_id = $1 AND c.read_at < $2
     ) AS k
     WHERE c.pool_id = $1 AND c.part = k.part`,
    key,
  );
  const [parts, unread] = [await countParts(client, lease), await readUnread(client, lease, t)];
  return { parts, unread };
}

/** The parts that the publication of a stage leaves in pool $1, with their settings. */
export function selectPublishedSettings(stage: number): string {
  const t = settingsTable(stage);
  return `SELECT s.part, s.settings FROM ${t} AS s WHERE ${EXISTS}
    UNION ALL SELECT c.part, c.settings FROM directory.pool_settings AS c
      WHERE c.pool_id = $1 AND EXISTS (${selectUnread(t)})
        AND NOT EXISTS (SELECT FROM ${t} AS s WHERE s.part = c.part AND ${EXISTS})`;
}

/** Why a current part `c` that is not staged could not be read. No row: it could be. */
function selectUnread(t: string): string {
  return `SELECT s.unread FROM ${t} AS s
    WHERE s.unread IS NOT NULL AND s.part IN (c.part, split_part(c.part, '/', 1) || '/')
    ORDER BY length(s.part) DESC LIMIT 1`;
}

async function countParts(client: pg.PoolClient, { poolId }: SnapshotLease): Promise<number> {
  return rowCount(
    await client.query('SELECT FROM directory.pool_settings WHERE pool_id = $1', [poolId]),
  );
}

/** The parts and lists that could not be read, and the parts that keep an older version therefore. */
async function readUnread(
  client: pg.PoolClient,
  { poolId }: SnapshotLease,
  t: string,
): Promise<UnreadParts | null> {
  const found = await client.query<{ part: string; unread: string }>(
    `SELECT part, unread FROM ${t} WHERE unread IS NOT NULL
     UNION SELECT part, unread FROM directory.pool_settings WHERE pool_id = $1 AND unread IS NOT NULL
     ORDER BY part`,
    [poolId],
  );
  if (found.rows.length === 0) return null;
  return Object.fromEntries(found.rows.map(({ part, unread }) => [part, unread]));
}
