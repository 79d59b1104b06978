import { Counter, Histogram, type Registry } from 'prom-client';
import type { AttemptReport, CallObserver } from './calls.ts';
import type { Phase } from './snapshot-progress.ts';

/** The outcome of one run of a job: `returned` means back in its queue, to continue later. */
export type JobOutcome = 'completed' | 'failed' | 'returned';

/** Records the work of this process. All times are in seconds. */
export interface WorkRecorder extends CallObserver {
  /** Records the end of one phase of a run, with any outcome. */
  recordPhase(phase: Exclude<Phase, 'done'>, seconds: number): void;
  /** Records the end of one run of a job. */
  recordJob(queue: string, outcome: JobOutcome, seconds: number): void;
  /** Records a snapshot whose objects retention removed from an archive. */
  recordRemoval(bytes: number): void;
  /** Records that retention was applied to the archive of a pool. */
  recordRetention(outcome: 'completed' | 'failed'): void;
  /** Records an attempt to deliver a webhook. */
  recordWebhook(outcome: 'delivered' | 'failed' | 'given_up'): void;
  /** Records a ping after its last attempt. */
  recordPing(outcome: 'sent' | 'failed'): void;
}

/** Upper bounds in seconds: from a fast call to the time limit of a request. */
const CALL_BOUNDS = [0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 15, 30];
/** From no wait to the wait at the slowest bucket, throttled and shared by many walks. */
const WAIT_BOUNDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** From a small pool to millions of users at the quota of the service. */
const LONG_BOUNDS = [0.1, 1, 5, 15, 60, 300, 900, 3_600, 7_200, 14_400, 28_800];

export function registerWorkMetrics(registry: Registry): WorkRecorder {
  const registers = [registry];
  const calls = new Counter({
    name: 'cognito_mirror_calls_total',
    help: 'Attempts against the service, with retries.',
    labelNames: ['operation', 'outcome'],
    registers,
  });
  const callSeconds = new Histogram({
    name: 'cognito_mirror_call_duration_seconds',
    help: 'Duration of attempts, from sending to the response.',
    labelNames: ['operation'],
    buckets: CALL_BOUNDS,
    registers,
  });
  const waitSeconds = new Histogram({
    name: 'cognito_mirror_bucket_wait_seconds',
    help: 'Time that attempts waited for a permit of their bucket.',
    labelNames: ['operation'],
    buckets: WAIT_BOUNDS,
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
    help: 'Items on the pages read from the service.',
    labelNames: ['operation'],
    registers,
  });
  const phaseSeconds = new Histogram({
    name: 'cognito_mirror_phase_duration_seconds',
    help: 'Duration of the phases of runs.',
    labelNames: ['phase'],
    buckets: LONG_BOUNDS,
    registers,
  });
  const jobSeconds = new Histogram({
    name: 'cognito_mirror_job_duration_seconds',
    help: 'Duration of the runs of jobs.',
    labelNames: ['queue', 'outcome'],
    buckets: LONG_BOUNDS,
    registers,
  });
  const removedSnapshots = new Counter({
    name: 'cognito_mirror_removed_archives_total',
    help: 'Snapshots whose objects retention removed from an archive.',
    registers,
  });
  const removedBytes = new Counter({
    name: 'cognito_mirror_removed_archive_bytes_total',
    help: 'Bytes of the objects that retention removed from archives.',
    registers,
  });
  const retentionRuns = new Counter({
    name: 'cognito_mirror_retention_runs_total',
    help: 'How often retention was applied to the archive of a pool.',
    labelNames: ['outcome'],
    registers,
  });
  const webhooks = new Counter({
    name: 'cognito_mirror_webhooks_total',
    help: 'Attempts to deliver webhooks. given_up: the last one failed.',
    labelNames: ['outcome'],
    registers,
  });
  // An increase from nothing would count as none.
  webhooks.inc({ outcome: 'given_up' }, 0);
  const pings = new Counter({
    name: 'cognito_mirror_pings_total',
    help: 'Pings of runs. failed: no attempt was answered with success.',
    labelNames: ['outcome'],
    registers,
  });
  return {
    recordAttempt({ operation, outcome, seconds, waitedSeconds }: AttemptReport) {
      calls.inc({ operation, outcome });
      callSeconds.observe({ operation }, seconds);
      waitSeconds.observe({ operation }, waitedSeconds);
    },
    recordPage(operation, count) {
      pages.inc({ operation });
      items.inc({ operation }, count);
    },
    recordPhase: (phase, seconds) => phaseSeconds.observe({ phase }, seconds),
    recordJob: (queue, outcome, seconds) => jobSeconds.observe({ queue, outcome }, seconds),
    recordRemoval(bytes) {
      removedSnapshots.inc();
      removedBytes.inc(bytes);
    },
    recordRetention: (outcome) => retentionRuns.inc({ outcome }),
    recordWebhook: (outcome) => webhooks.inc({ outcome }),
    recordPing: (outcome) => pings.inc({ outcome }),
  };
}
