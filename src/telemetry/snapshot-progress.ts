import type { SnapshotKey } from '../model/snapshot.ts';
import { CallMeter } from './call-meter.ts';

/** The kinds of walk, in the order a person reads them. */
export const WALK_KINDS = ['groups', 'users', 'members'] as const;
export type WalkKind = (typeof WALK_KINDS)[number];

/** How far the walks of one kind are. */
export interface WalkTally {
  /** Items read so far, by this run and the runs it resumed. */
  items: number;
  /** Items expected in all; null while nothing is known. */
  expected: number | null;
  walksDone: number;
  walks: number;
}

export type Phase = 'plan' | 'walk' | 'check' | 'publish' | 'archive' | 'done';

/**
 * Where one snapshot stands, for whoever shows it. The steps write it, displays read it when they
 * choose to: nobody waits for a display.
 */
export class SnapshotProgress {
  readonly poolId: string;
  /** Known once the plan is made. */
  key: SnapshotKey | null = null;
  #phase: Phase = 'plan';
  #phaseBegan = performance.now();
  /** Told of each phase that ended, and how long it took in seconds. */
  onPhaseEnd: (phase: Phase, seconds: number) => void = () => {};
  /** True where an unfinished snapshot was taken up again. */
  resumed = false;
  readonly walks: Record<WalkKind, WalkTally> = {
    groups: { items: 0, expected: null, walksDone: 0, walks: 0 },
    users: { items: 0, expected: null, walksDone: 0, walks: 0 },
    members: { items: 0, expected: null, walksDone: 0, walks: 0 },
  };
  /** Rows written to the archive so far, all formats together. */
  archivedRows = 0;
  /** The attempts against the service by this run. */
  readonly meter = new CallMeter();
  /** What the snapshot waits for or works around, if anything: one sentence. */
  note: string | null = null;

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
  }
}
