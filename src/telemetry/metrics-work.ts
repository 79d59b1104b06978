import { Counter, Histogram, type Registry } from 'prom-client';
import type { AttemptReport, CallObserver } from './calls.ts';
import type { Phase } from './snapshot-progress.ts';

/** The steps of a snapshot that take time. */
export type Step = Exclude<Phase, 'done'>;

/**
 * How a turn of a job ended: `completed`, `failed` for good or until it is tried again, or
 * `returned` to its queue unfinished, to go on later.
 */
export type JobOutcome = 'completed' | 'failed' | 'returned';

/** Records what this process does. All times are in seconds. */
export interface WorkMeter extends CallObserver {
  /** One step of a snapshot has ended, however it ended. */
  step(step: Step, seconds: number): void;
  /** One turn of a job has ended. */
  job(queue: string, outcome: JobOutcome, seconds: number): void;
}

/** Upper bounds in seconds: from a call nearby to the request's own time limit. */
const OF_CALLS = [0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 15, 30];
/** From no wait at all to that of the slowest bucket, throttled, behind many walks. */
const OF_WAITS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** From a small pool to millions of users at the service's own quota. */
const OF_STEPS = [0.1, 1, 5, 15, 60, 300, 900, 3_600, 7_200, 14_400, 28_800];

export function workMetrics(registry: Registry): WorkMeter {
  const registers = [registry];
  const calls = new Counter({
    name: 'cognito_mirror_calls_total',
    help: 'Attempts against the service, retries included.',
    labelNames: ['operation', 'outcome'],
    registers,
  });
  const callSeconds = new Histogram({
    name: 'cognito_mirror_call_duration_seconds',
    help: 'How long attempts took, from sending to the answer.',
    labelNames: ['operation'],
    buckets: OF_CALLS,
    registers,
  });
  const waitSeconds = new Histogram({
    name: 'cognito_mirror_bucket_wait_seconds',
    help: 'How long attempts waited for their turn at the bucket.',
    labelNames: ['operation'],
    buckets: OF_WAITS,
    registers,
  });
  const pages = new Counter({
    name: 'cognito_mirror_pages_total',
    help: 'Pages read from the service.',
    labelNames: ['operation'],
    registers,
  });
  const items = new Counter({
    name: 'cognito_mirror_page_items_total',
    help: 'Items on those pages.',
    labelNames: ['operation'],
    registers,
  });
  const stepSeconds = new Histogram({
    name: 'cognito_mirror_step_duration_seconds',
    help: 'How long the steps of snapshots took.',
    labelNames: ['step'],
    buckets: OF_STEPS,
    registers,
  });
  const jobSeconds = new Histogram({
    name: 'cognito_mirror_job_duration_seconds',
    help: 'How long the turns of jobs took.',
    labelNames: ['queue', 'outcome'],
    buckets: OF_STEPS,
    registers,
  });
  return {
    attempt({ operation, outcome, seconds, waitedSeconds }: AttemptReport) {
      calls.inc({ operation, outcome });
      callSeconds.observe({ operation }, seconds);
      waitSeconds.observe({ operation }, waitedSeconds);
    },
    page(operation, count) {
      pages.inc({ operation });
      items.inc({ operation }, count);
    },
    step: (step, seconds) => stepSeconds.observe({ step }, seconds),
    job: (queue, outcome, seconds) => jobSeconds.observe({ queue, outcome }, seconds),
  };
}
