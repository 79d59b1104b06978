import { saveProgress } from '../postgres/state/run-progress.ts';
import type { SnapshotContext } from './context.ts';

const EVERY_MS = 3_000;

/**
 * Runs `work`, a step of a snapshot, and records in Postgres every few seconds how far it is, for
 * `status`. Walks need no such record: their checkpoints have it.
 */
export async function withProgress<T>(
  { db, run, progress }: Pick<SnapshotContext, 'db' | 'run' | 'progress'>,
  work: () => Promise<T>,
): Promise<T> {
  const saving = new Set<Promise<void>>();
  const save = async () => {
    const { phase, counts } = progress;
    if (phase === 'plan' || phase === 'done') return;
    // It is for people: a failure to record it must not end the step.
    await saveProgress(db, run, phase, counts).catch(() => {});
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
