import type { Outcome, SnapshotKey, WalkKind } from '../model/snapshot.ts';
import { CallMeter } from './calls.ts';

/** How far the walks of one kind are. */
export interface WalkTally {
  /** Items read so far, by this run and the runs it resumed. */
  items: number;
  /** Items that this run read: what its rate is measured by. It never falls. */
  read: number;
  /** Items expected in all; null while nothing is known. */
  expected: number | null;
  walksDone: number;
  walks: number;
}

/** How much of a phase is done, where it can be counted: users confirmed, rows archived. */
export interface PhaseCounts {
  done: number;
  readonly total: number;
}

export type Phase = 'prepare' | 'walk' | 'check' | 'publish' | 'archive' | 'done';

/**
 * Where one snapshot stands, for whoever shows it. The steps write it, displays read it when they
 * choose to: nobody waits for a display.
 */
export class SnapshotProgress {
  readonly poolId: string;
  /** Known once the plan is made. */
  key: SnapshotKey | null = null;
  #phase: Phase = 'prepare';
  #phaseBegan = performance.now();
  /** Told of each phase that ended, and how long it took in seconds. */
  onPhaseEnd: (phase: Phase, seconds: number) => void = () => {};
  /** True where an unfinished snapshot was taken up again. */
  resumed = false;
  readonly walks: Record<WalkKind, WalkTally> = {
    groups: { items: 0, read: 0, expected: null, walksDone: 0, walks: 0 },
    users: { items: 0, read: 0, expected: null, walksDone: 0, walks: 0 },
    members: { items: 0, read: 0, expected: null, walksDone: 0, walks: 0 },
  };
  /**
   * How much of the phase is done: while checking, users confirmed with the service; while
   * archiving, rows stored, all formats together. Null where the phase is not counted.
   */
  counts: PhaseCounts | null = null;
  /** How the run ended; null until its phase is `done`. */
  outcome: Outcome | null = null;
  /** The attempts against the service by this run. */
  readonly meter = new CallMeter();

  constructor(poolId: string) {
    this.poolId = poolId;
  }

  get phase(): Phase {
    return this.#phase;
  }

  set phase(phase: Phase) {
    if (phase === this.#phase) return;
    const now = performance.now();
    this.onPhaseEnd(this.#phase, (now - this.#phaseBegan) / 1000);
    this.#phase = phase;
    this.#phaseBegan = now;
    this.counts = null;
  }
}
