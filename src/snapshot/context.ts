import type pg from 'pg';
import type { Cognito } from '../cognito/client.ts';
import type { Pool } from '../model/directory.ts';
import type { SnapshotLease } from '../postgres/store/leases.ts';
import type { PageCommitter } from '../postgres/store/page-committer.ts';
import { saveProgress } from '../postgres/store/progress.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { SnapshotProgress } from '../telemetry/snapshot-progress.ts';

/** What the steps of one snapshot work with. */
export interface SnapshotContext {
  readonly db: pg.Pool;
  readonly cognito: Cognito;
  /** The pool, as DescribeUserPool gave it when the run began. */
  readonly pool: Pool;
  readonly lease: SnapshotLease;
  readonly committer: PageCommitter;
  readonly progress: SnapshotProgress;
  readonly log: Logger;
  /** Fires where a walk is to stop at its next page, everything read committed. */
  readonly pause?: AbortSignal;
}

const EVERY_MS = 3_000;

/**
 * Runs `work`, a step of a snapshot, and records in Postgres every few seconds how far it is, for
 * `status`. Walks need no such record: their checkpoints have it.
 */
export async function withProgress<T>(
  { db, lease, progress }: Pick<SnapshotContext, 'db' | 'lease' | 'progress'>,
  work: () => Promise<T>,
): Promise<T> {
  const saving = new Set<Promise<void>>();
  const save = async () => {
    const { phase, counts } = progress;
    if (phase === 'prepare' || phase === 'done') return;
    // It is for people: a failure to record it must not end the step.
    await saveProgress(db, lease, phase, counts).catch(() => {});
  };
  // One at a time, so that a server that hangs holds one connection.
  const tick = () => {
    if (saving.size > 0) return;
    const saved = save().finally(() => saving.delete(saved));
    saving.add(saved);
  };
  const working = work();
  tick();
  const timer = setInterval(tick, EVERY_MS);
  try {
    return await working;
  } finally {
    clearInterval(timer);
    await Promise.all(saving);
    await save();
  }
}
