import { explainStageGone } from '../postgres/store/stage.ts';
import { holdSnapshot } from '../postgres/store/transitions.ts';
import type { Walk } from '../postgres/store/walks.ts';
import { check } from '../snapshot/check.ts';
import { type SnapshotContext, withProgress } from '../snapshot/context.ts';
import { publish } from '../snapshot/publish.ts';

/** How a snapshot is judged, and what is kept of the one before. */
export interface ConclusionSettings {
  /** The guard's share, 0 to 1. */
  readonly maxRemoved: number;
  /** How long closed versions are kept; null is for ever. */
  readonly historyDays: number | null;
}

/**
 * Checks a snapshot whose walks have ended, and publishes or holds it.
 *
 * @returns the walks that must be made before, as the check found something missing; none where the
 *   snapshot was published or held.
 */
export function checkAndPublish(
  context: SnapshotContext,
  settings: ConclusionSettings,
  signal: AbortSignal,
): Promise<readonly Walk[]> {
  return withProgress(context, () => publishOrHold(context, settings, signal));
}

async function publishOrHold(
  context: SnapshotContext,
  { maxRemoved, historyDays }: ConclusionSettings,
  signal: AbortSignal,
): Promise<readonly Walk[]> {
  const verdict = await check(context, maxRemoved, signal).catch((error: unknown) => {
    throw explainStageGone(error, context.lease);
  });
  if (verdict.kind === 'walk') {
    context.progress.phase = 'walk';
    return verdict.walks;
  }
  if (verdict.kind === 'hold') {
    await holdSnapshot(context.db, context.lease, verdict.reason);
  } else {
    await publish(context, 'walking', historyDays, signal);
  }
  return [];
}
