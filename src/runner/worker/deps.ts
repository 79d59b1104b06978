import type { Metrics } from '../../telemetry/metrics.ts';
import type { SessionDeps } from '../session.ts';
import type { Queues } from './queues.ts';
import type { QuotaLocks } from './quota-locks.ts';

/** What the jobs work with. */
export interface JobDeps extends SessionDeps {
  readonly queues: Queues;
  readonly quota: QuotaLocks;
  readonly metrics: Metrics;
}
