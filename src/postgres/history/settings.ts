import type { SettingDifferences, Span } from '../../model/history.ts';
import type { Settings } from '../../model/pool-settings.ts';
import { selectPublishedSettings } from '../store/publish-settings.ts';
import { selectSettingsAsOf } from '../store/setting-rows.ts';
import { hasStagedSettings } from '../store/stage-settings.ts';
import type { Asking } from './ask.ts';

/** The parts of the settings that differ between two states of a pool, if both keep settings. */
export async function listSettingDifferences(
  asking: Asking,
  { from, to }: Span,
): Promise<SettingDifferences> {
  const { db, poolId } = asking;
  const isKept =
    to.staged === null
      ? await keepsSettings(asking, to.snapshotAt)
      : await hasStagedSettings(db, to.staged);
  const wasKept = from === null ? isKept : await keepsSettings(asking, from.snapshotAt);
  if (!wasKept || !isKept) return wasKept || isKept ? 'one' : 'none';
  const after =
    to.staged === null ? selectSettingsAsOf('$1', '$3') : selectPublishedSettings(to.staged.stage);
  const found = await db.query<{ part: string; before: Settings | null; after: Settings | null }>(
    `SELECT part, b.settings AS before, a.settings AS after
     FROM (${selectSettingsAsOf('$1', '$2')}) AS b FULL JOIN (${after}) AS a USING (part)
     WHERE b.settings IS DISTINCT FROM a.settings ORDER BY part`,
    [poolId, from?.snapshotAt ?? '-infinity', ...(to.staged === null ? [to.snapshotAt] : [])],
  );
  return found.rows;
}

async function keepsSettings({ db, poolId }: Asking, at: Date): Promise<boolean> {
  const found = await db.query(
    `SELECT FROM directory.snapshots
     WHERE pool_id = $1 AND snapshot_at = $2 AND settings IS NOT NULL`,
    [poolId, at],
  );
  return found.rows.length > 0;
}
