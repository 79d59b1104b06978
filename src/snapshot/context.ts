import type pg from 'pg';
import type { Cognito } from '../cognito/client.ts';
import type { Pool } from '../model/pool.ts';
import type { Run } from '../postgres/run.ts';
import type { PageCommitter } from '../postgres/stage/page-committer.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { SnapshotProgress } from '../telemetry/snapshot-progress.ts';

/** What the steps of one snapshot work with. */
export interface SnapshotContext {
  readonly db: pg.Pool;
  readonly cognito: Cognito;
  /** The pool, as DescribeUserPool gave it when the run began. */
  readonly pool: Pool;
  readonly run: Run;
  readonly committer: PageCommitter;
  readonly progress: SnapshotProgress;
  readonly log: Logger;
  /** Fires where a walk is to stop at its next page, everything read committed. */
  readonly pause?: AbortSignal;
}
