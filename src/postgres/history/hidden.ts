import type { PrivacyRecord } from '../../model/privacy.ts';
import { PUBLISHED_STATES } from '../store/states.ts';
import type { Asking } from './ask.ts';

/** What the privacy rules hid in the published snapshots of a pool, each once. */
export async function listHidden({ db, poolId }: Asking): Promise<PrivacyRecord[]> {
  const found = await db.query<{ privacy: PrivacyRecord }>(
    `SELECT DISTINCT privacy FROM directory.snapshots
     WHERE pool_id = $1 AND state IN ${PUBLISHED_STATES} AND privacy IS NOT NULL`,
    [poolId],
  );
  return found.rows.map(({ privacy }) => privacy);
}
