import type pg from 'pg';
import type { Cognito } from '../cognito/client.ts';
import type { Pool } from '../model/directory.ts';
import { describeSafely } from '../postgres/database-error.ts';
import type { SnapshotLease } from '../postgres/store/leases.ts';
import type { PageCommitter } from '../postgres/store/page-committer.ts';
import { saveProgress } from '../postgres/store/progress.ts';
import type { Walk } from '../postgres/store/walks.ts';
import type { Mask } from '../privacy/mask.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { SnapshotProgress } from '../telemetry/snapshot-progress.ts';
import type { RunTrace } from '../telemetry/tracing.ts';
import type { ExpectedSizes } from './expected-sizes.ts';

/** What the steps of one snapshot work with. */
export interface SnapshotContext {
  readonly db: pg.Pool;
  readonly cognito: Cognito;
  /** The pool, as DescribeUserPool returned it when the session was opened. */
  readonly pool: Pool;
  readonly lease: SnapshotLease;
  /** Hides attributes, as the client does with every user that it returns. */
  readonly mask: Mask;
  readonly committer: PageCommitter;
  /** What the order and the split of walks depend on. */
  readonly expected: ExpectedSizes;
  /** What displays show; no decision reads it. */
  readonly progress: SnapshotProgress;
  readonly trace: RunTrace;
  readonly log: Logger;
  /** When it fires, a walk stops at its next page, with everything read committed. */
  readonly pause?: AbortSignal;
}

/** The result of a step of the check. */
export interface StepResult {
  /** The walks to read before the check can continue. */
  readonly walks: readonly Walk[];
  /** Why the snapshot must be held, or null. */
  readonly hold: string | null;
}

const EVERY_MS = 3_000;

/**
 * Runs a step of a snapshot, and records its progress in Postgres every few seconds, for `status`.
 * The progress of walks is in their checkpoints.
 */
export async function withProgress<T>(
  { db, lease, progress, log }: Pick<SnapshotContext, 'db' | 'lease' | 'progress' | 'log'>,
  work: () => Promise<T>,
): Promise<T> {
  const saving = new Set<Promise<void>>();
  const save = async () => {
    const { phase, counts } = progress;
    if (phase === 'prepare' || phase === 'done') return;
    try {
      await saveProgress(db, lease, phase, counts);
    } catch (error) {
      // It is information for people, so a failure to record it must not end the step.
      const reason = describeSafely(error);
      log.debug({ poolId: lease.poolId, phase, reason }, 'could not record progress');
    }
  };
  // One at a time, so that a server that hangs occupies one connection.
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
