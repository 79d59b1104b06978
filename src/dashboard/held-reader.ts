import { setTimeout as sleep } from 'node:timers/promises';
import type { Change } from '../history/changes.ts';
import type { DiffSummary } from '../history/diff.ts';
import type { SnapshotKey } from '../model/snapshot.ts';
import type { DashboardActions } from './deps.ts';
import { Kept } from './keep.ts';

/** How many changes are listed. */
const MOST = 50;

/** A page is answered within a second. What takes longer is shown by a later one. */
const ANSWER_MS = 700;

/** A comparison keeps the tables of the stage, so it must end. */
const COMPARE_MS = 60_000;

/** The changes have names, and a person can be forgotten. */
const LIFE_MS = 60_000;

/** What a held snapshot would change. */
export interface HeldChanges {
  readonly summary: DiffSummary;
  /** The first changes. */
  readonly shown: readonly Change[];
}

/** The same, or why it is not known: it is being compared, or that took too long. */
export type HeldComparison = HeldChanges | 'comparing' | 'too long';

/** Compares held snapshots with what is published, as `diff POOL latest held` does: each once. */
export class HeldReader {
  readonly #diff: DashboardActions['diff'];
  readonly #kept = new Kept<HeldChanges | 'too long'>(LIFE_MS);
  readonly #closing = new AbortController();

  constructor(diff: DashboardActions['diff']) {
    this.#diff = diff;
  }

  /** What the held snapshot of a pool would change, if it is known in time. */
  read({ poolId, snapshotAt }: SnapshotKey): Promise<HeldComparison> {
    const key = `${poolId} ${snapshotAt.getTime()}`;
    const comparing = this.#kept.get(key, () => this.#compare(poolId));
    return Promise.race([comparing, sleep(ANSWER_MS, 'comparing' as const, { ref: false })]);
  }

  /** Stops comparing. */
  close(): void {
    this.#closing.abort();
  }

  async #compare(poolId: string): Promise<HeldChanges | 'too long'> {
    const tooLong = AbortSignal.timeout(COMPARE_MS);
    const shown: Change[] = [];
    try {
      const { summary } = await this.#diff(
        poolId,
        async (_, batches) => {
          for await (const changes of batches) shown.push(...changes.slice(0, MOST - shown.length));
        },
        { to: 'held', signal: AbortSignal.any([tooLong, this.#closing.signal]) },
      );
      return { summary, shown };
    } catch (error) {
      if (tooLong.aborted) return 'too long';
      throw error;
    }
  }
}
