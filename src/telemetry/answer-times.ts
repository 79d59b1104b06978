import type { AttemptReport, CallObserver } from './call-meter.ts';

/** Notes how long the service takes to answer. Memory grows with the calls: for a few of them. */
export class AnswerTimes implements CallObserver {
  readonly #seconds: number[] = [];

  attempt({ outcome, seconds }: AttemptReport): void {
    if (outcome === 'ok') this.#seconds.push(seconds);
  }

  page(): void {}

  /** In seconds; 0 before an answer. Of two the lower, as a first one waits for its connection. */
  get median(): number {
    const sorted = this.#seconds.toSorted((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  }
}
