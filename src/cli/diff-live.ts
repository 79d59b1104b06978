import {
  type Diff,
  type DiffQuestion,
  InterruptedError,
  type Mirror,
  type SnapshotProgress,
  type UseChanges,
} from '../index.ts';
import { startDisplay } from './display/display.ts';

/**
 * Compares a pool with its live state. It says first what the reading takes, and then shows its progress
 * on standard error.
 */
export async function diffLive(
  mirror: Mirror,
  poolId: string,
  use: UseChanges,
  question: DiffQuestion,
  signal: AbortSignal,
): Promise<Diff> {
  const shown: SnapshotProgress[] = [];
  let stopDisplay = () => {};
  const stop = () => {
    stopDisplay();
    stopDisplay = () => {};
  };
  try {
    await announce(mirror, poolId, signal);
    stopDisplay = startDisplay({
      progress: () => shown,
      usage: () => mirror.usage,
      stream: process.stderr,
      log: mirror.logger,
    });
    const show: UseChanges = (compared, changes) => {
      stop();
      const [progress] = shown;
      if (progress && !process.stderr.isTTY) {
        const { reason } = compared;
        mirror.logger.info({ poolId, ...progress.meter.counts, reason }, 'pool read');
      }
      return use(compared, changes);
    };
    return await mirror.diff(poolId, show, {
      ...question,
      signal,
      onProgress(progress) {
        if (!shown.includes(progress)) shown.push(progress);
      },
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new InterruptedError('Interrupted. Nothing was published.');
  } finally {
    stop();
  }
}

async function announce(mirror: Mirror, poolId: string, signal: AbortSignal): Promise<void> {
  const plan = await mirror.plan(poolId, { signal });
  // Then `diff` refuses.
  if (plan.lastSnapshot === null) return;
  if (!process.stderr.isTTY) {
    const seconds = Math.ceil(Math.max(plan.seconds.quota, plan.seconds.chain));
    const fields = { poolId, calls: plan.calls.total, seconds };
    mirror.logger.info(fields, 'reading the pool to compare it; nothing is published');
    return;
  }
  const { formatReadingPlan } = await import('./display/plan-text.ts');
  process.stderr.write(formatReadingPlan(plan, process.stderr.columns));
}
