import type pg from 'pg';
import { MirrorError } from '../model/errors.ts';
import type { Outcome } from '../model/snapshot.ts';
import { withoutRows } from '../postgres/database-error.ts';
import { saveAttempt } from '../postgres/state/attempts.ts';

/**
 * Records in Postgres how the attempt to mirror a pool ended, also one that began no snapshot. Where
 * Postgres itself is away, the log alone has it.
 *
 * @param why its error or reason; null where it succeeded
 */
export async function saveOutcome(
  db: pg.Pool,
  poolId: string,
  { outcome, snapshot, why }: { outcome: Outcome; snapshot: string | null; why: unknown },
): Promise<void> {
  const reason = outcome === 'interrupted' ? null : reasonOf(why);
  await saveAttempt(db, poolId, { outcome, snapshot, reason }).catch(() => {});
}

/**
 * Why an attempt ended, in words that may be printed, logged and kept. Of errors that are not our own
 * the name alone is kept, as their texts can quote anything.
 */
export function reasonOf(why: unknown): string | null {
  if (why === null || typeof why === 'string') return why;
  const known = withoutRows(why instanceof Error ? why : new Error('unknown'));
  if (known instanceof MirrorError) return known.message;
  return `It failed unexpectedly (${known.name}). The log has the error.`;
}
