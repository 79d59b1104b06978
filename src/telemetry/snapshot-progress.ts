import type { Outcome, SnapshotKey, WalkKind } from '../model/snapshot.ts';
import { CallMeter } from './calls.ts';

/** The progress of the walks of one kind. */
export interface WalkTally {
  /** Items read so far, by this run and the runs it resumed. */
  items: number;
  /** Items that this run read, from which its rate is computed. It never decreases. */
  read: number;
  /** Items expected in all; null if unknown. */
  expected: number | null;
  walksDone: number;
  walks: number;
}

/** The progress of a phase that can be counted: users confirmed or asked for, rows archived. */
interface PhaseCounts {
  done: number;
  readonly total: number;
}

/** The phases of a run, in their order. */
export type Phase = 'prepare' | 'walk' | 'check' | 'mfa' | 'publish' | 'archive' | 'done';

/** Gets a phase that has ended, and its duration in seconds. */
type PhaseListener = (phase: Phase, seconds: number) => void;

/**
 * The progress of one snapshot, for displays. The steps write it, and displays read it at any time. No
 * decision reads it: decisions read the session and Postgres.
 */
export class SnapshotProgress {
  readonly poolId: string;
  /** Null until the run has chosen its snapshot. */
  key: SnapshotKey | null = null;
  #phase: Phase = 'prepare';
  #phaseStartedAt = performance.now();
  readonly #listeners: PhaseListener[] = [];
  /** True if an unfinished snapshot is resumed. */
  resumed = false;
  readonly walks: Record<WalkKind, WalkTally> = {
    groups: { items: 0, read: 0, expected: null, walksDone: 0, walks: 0 },
    users: { items: 0, read: 0, expected: null, walksDone: 0, walks: 0 },
    members: { items: 0, read: 0, expected: null, walksDone: 0, walks: 0 },
  };
  /**
   * How much of the phase is done: while checking, users confirmed with the service; while reading
   * MFA states, users asked for; while archiving, rows stored, all formats together. Null if the
   * phase is not counted.
   */
  counts: PhaseCounts | null = null;
  /** How the run ended; null until its phase is `done`. */
  outcome: Outcome | null = null;
  /** The attempts against the service by this run. */
  readonly meter = new CallMeter();

  constructor(poolId: string) {
    this.poolId = poolId;
  }

  /** Calls the listener whenever a phase has ended. */
  onPhaseEnd(listener: PhaseListener): void {
    this.#listeners.push(listener);
  }

  get phase(): Phase {
    return this.#phase;
  }

  set phase(phase: Phase) {
    if (phase === this.#phase) return;
    const now = performance.now();
    const seconds = (now - this.#phaseStartedAt) / 1000;
    for (const listener of this.#listeners) listener(this.#phase, seconds);
    this.#phase = phase;
    this.#phaseStartedAt = now;
    this.counts = null;
  }
}
