import type pg from 'pg';
import type { ArchiveFormat } from '../../config/config.ts';
import type { AccountBuckets } from '../../quota/account-buckets.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { PoolDepsLookup } from '../describe-pool.ts';
import type { Queues } from './queues.ts';
import type { QuotaLocks } from './quota-hold.ts';

/** What the jobs work with. */
export interface JobDeps {
  readonly db: pg.Pool;
  readonly queues: Queues;
  readonly buckets: AccountBuckets;
  readonly quota: QuotaLocks;
  readonly poolParts: PoolDepsLookup;
  readonly formats: readonly ArchiveFormat[];
  /** The program and its version, for the manifest. */
  readonly program: string;
  /** Where parts of an archive are made before they are stored. */
  readonly workFolder: string;
  readonly historyDays: number | null;
  readonly metrics: Metrics;
  readonly log: Logger;
}
