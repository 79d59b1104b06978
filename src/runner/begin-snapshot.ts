import type pg from 'pg';
import { beginProgress } from '../postgres/store/progress.ts';
import { dropEndedStages } from '../postgres/store/stage.ts';
import { type BegunSnapshot, beginSnapshot } from '../postgres/store/transitions.ts';
import type { Logger } from '../telemetry/logger.ts';

/** A time in the future by more than this is not the rounding of snapshots in quick succession. */
const TOLERATED_SECONDS_AHEAD = 60;

/** Begins a snapshot of a pool, or resumes its unfinished one, and logs what is unusual about it. */
export async function beginOrResume(
  db: pg.Pool,
  poolId: string,
  log: Logger,
): Promise<BegunSnapshot> {
  const begun = await beginSnapshot(db, poolId);
  await dropEndedStages(db);
  const { lease, resumed, drifted, secondsAhead } = begun;
  await beginProgress(db, lease);
  log.info(
    { poolId, snapshotAt: lease.snapshotAt },
    resumed ? 'snapshot resumed' : 'snapshot begun',
  );
  if (drifted > 0) {
    log.warn(
      { poolId, rows: drifted },
      'rows of directory.users were changed by something other than cognito-mirror: this snapshot repairs them',
    );
  }
  if (secondsAhead > TOLERATED_SECONDS_AHEAD) {
    log.warn(
      { poolId, snapshotAt: lease.snapshotAt, secondsAhead: Math.round(secondsAhead) },
      "the snapshot's time lies in the future, as Postgres's clock was ahead at an earlier snapshot: docs/OPERATIONS.md, A clock that was ahead",
    );
  }
  return begun;
}
