import type pg from 'pg';
import { SnapshotFailedError } from '../model/errors.ts';
import type { Run } from '../postgres/run.ts';
import { endSnapshot, noteReason } from '../postgres/state/transitions.ts';

/**
 * Leaves word in a snapshot's row of what stopped it: it failed, or it can be resumed. Where
 * Postgres itself is the trouble, that cannot be done.
 */
export async function noteFailure(db: pg.Pool, run: Run, error: Error): Promise<void> {
  const noted =
    error instanceof SnapshotFailedError
      ? endSnapshot(db, run, ['walking'], 'failed', error.message)
      : noteReason(db, run, error.message);
  await noted.catch(() => {});
}
