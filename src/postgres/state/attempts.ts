import { type Outcome, parseSnapshotId } from '../../model/snapshot.ts';
import type { Queryable } from '../connection.ts';

/** The last attempt to mirror a pool. */
export interface Attempt {
  readonly endedAt: Date;
  readonly outcome: Outcome;
  /** The snapshot that it worked on; null where it began none. */
  readonly snapshotAt: Date | null;
  /** Why it did not succeed, in our own words; null where it did. */
  readonly reason: string | null;
}

/**
 * Records how the last attempt to mirror a pool ended. Requests of workers record theirs where they
 * end (`endRequest`).
 *
 * @param snapshot the id of the snapshot that it worked on, or null.
 */
export async function saveAttempt(
  db: Queryable,
  poolId: string,
  { outcome, snapshot, reason }: Pick<Attempt, 'outcome' | 'reason'> & { snapshot: string | null },
): Promise<void> {
  await db.query(
    `INSERT INTO mirror.attempts (pool_id, outcome, snapshot_at, reason) VALUES ($1, $2, $3, $4)
     ${REPLACE_LAST}`,
    [poolId, outcome, snapshot === null ? null : parseSnapshotId(snapshot), reason],
  );
}

/** The end of an INSERT into mirror.attempts: a pool's last attempt replaces the one before. */
export const REPLACE_LAST = `ON CONFLICT (pool_id) DO UPDATE SET ended_at = clock_timestamp(),
  outcome = excluded.outcome, snapshot_at = excluded.snapshot_at, reason = excluded.reason`;
