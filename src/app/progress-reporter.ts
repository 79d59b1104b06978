import type { SnapshotProgress } from '../telemetry/snapshot-progress.ts';
import type { SyncOptions } from './mirror.ts';

/** How often `onProgress` is called. */
const PROGRESS_EVERY_MS = 500;

/** Calls `onProgress` with every snapshot now and then. */
export class ProgressReporter {
  readonly #report: SyncOptions['onProgress'];
  readonly #shown: SnapshotProgress[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(report: SyncOptions['onProgress']) {
    this.#report = report;
  }

  add(progress: SnapshotProgress): void {
    if (this.#report === undefined) return;
    this.#shown.push(progress);
    this.#report(progress);
    this.#timer ??= setInterval(() => this.#reportAll(), PROGRESS_EVERY_MS);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#reportAll();
  }

  #reportAll(): void {
    for (const progress of this.#shown) this.#report?.(progress);
  }
}
