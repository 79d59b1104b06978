import type { MirrorLogger, Phase, SnapshotProgress } from '../../index.ts';

/** The attempts per second of list calls: the recent rate, and the limit. */
export interface Usage {
  readonly rate: number;
  readonly allowed: number;
}

/** How often a phase that continues is logged. */
const PERIOD_MS = 5_000;

/** The log line and the title of each phase. */
export const MESSAGES: Readonly<Record<Exclude<Phase, 'done'>, string>> = {
  prepare: 'preparing',
  walk: 'reading',
  check: 'checking',
  mfa: 'reading MFA states',
  publish: 'publishing',
  archive: 'archiving',
};

/** The names of a phase's counts in a log line. */
const COUNTED: Readonly<Partial<Record<Phase, readonly [string, string]>>> = {
  check: ['confirmedUsers', 'usersToConfirm'],
  mfa: ['askedUsers', 'usersToAsk'],
  archive: ['archivedRows', 'rowsToArchive'],
};

/**
 * Logs the progress of snapshots at each change of phase and every few seconds. The runner logs the
 * end.
 */
export class ProgressLog {
  readonly #log: MirrorLogger;
  readonly #logged = new Map<SnapshotProgress, { phase: Phase; at: number }>();

  constructor(log: MirrorLogger) {
    this.#log = log;
  }

  /** Logs what is due at `now`, in milliseconds of a monotonic clock. */
  update(snapshots: readonly SnapshotProgress[], usage: Usage, now: number): void {
    for (const snapshot of snapshots) {
      const { phase } = snapshot;
      const logged = this.#logged.get(snapshot);
      if (phase === 'done' || (logged?.phase === phase && now - logged.at < PERIOD_MS)) continue;
      this.#logged.set(snapshot, { phase, at: now });
      this.#log.info(collectFields(snapshot, usage), MESSAGES[phase]);
    }
  }
}

function collectFields(snapshot: SnapshotProgress, usage: Usage): Record<string, unknown> {
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
    const [done, total] = COUNTED[phase] ?? ['done', 'total'];
    fields[done] = snapshot.counts.done;
    fields[total] = snapshot.counts.total;
  }
  const { apiCalls, throttled } = snapshot.meter.counts;
  fields.apiCalls = apiCalls;
  if (throttled > 0) fields.throttled = throttled;
  return fields;
}
