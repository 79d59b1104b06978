import type { MirrorLogger, Phase, SnapshotProgress } from '../../index.ts';
import type { Usage } from './progress-lines.ts';

/** How often a line tells of a phase that goes on. */
const PERIOD_MS = 5_000;

/** The message of each phase in the log. `bench/` measures phases by them. */
export const MESSAGES: Readonly<Record<Exclude<Phase, 'done'>, string>> = {
  prepare: 'planning',
  walk: 'walking',
  check: 'checking',
  publish: 'publishing',
  archive: 'archiving',
};

/**
 * Logs snapshots that are being taken: at each change of phase, and every few seconds. The end has a
 * line of its own (`log-outcome.ts`).
 */
export class ProgressLog {
  readonly #log: MirrorLogger;
  readonly #told = new Map<SnapshotProgress, { phase: Phase; at: number }>();

  constructor(log: MirrorLogger) {
    this.#log = log;
  }

  /** Logs what is due at `now` (milliseconds of a clock that only goes forward). */
  tell(snapshots: readonly SnapshotProgress[], usage: Usage, now: number): void {
    for (const snapshot of snapshots) {
      const { phase } = snapshot;
      const told = this.#told.get(snapshot);
      if (phase === 'done' || (told?.phase === phase && now - told.at < PERIOD_MS)) continue;
      this.#told.set(snapshot, { phase, at: now });
      this.#log.info(fieldsOf(snapshot, usage), MESSAGES[phase]);
    }
  }
}

function fieldsOf(snapshot: SnapshotProgress, usage: Usage): Record<string, unknown> {
  const { poolId, phase, walks } = snapshot;
  const fields: Record<string, unknown> = { poolId };
  if (snapshot.resumed) fields.resumed = true;
  if (phase === 'walk') {
    for (const [kind, tally] of Object.entries(walks)) {
      fields[kind] = tally.items;
      if (tally.expected !== null) fields[`${kind}Expected`] = tally.expected;
    }
    fields.callsPerSecond = Number(usage.rate.toFixed(1));
    fields.allowed = Number(usage.allowed.toFixed(1));
  }
  if (snapshot.counts !== null) {
    const [done, total] =
      phase === 'check' ? ['confirmedUsers', 'usersToConfirm'] : ['archivedRows', 'rowsToArchive'];
    fields[done] = snapshot.counts.done;
    fields[total] = snapshot.counts.total;
  }
  const { apiCalls, throttled } = snapshot.meter.counts;
  fields.apiCalls = apiCalls;
  if (throttled > 0) fields.throttled = throttled;
  return fields;
}
