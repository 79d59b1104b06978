import { Gauge, type Registry } from 'prom-client';
import { bounded } from '../common/bounded.ts';

/** The use of a bucket by this process. */
export interface BucketUsage {
  /**
   * The account and Region (`111122223333/us-east-1`). Only the Region while the account is
   * unknown. Also the pool if the quota belongs to a pool.
   */
  readonly scope: string;
  /** The quota, or the operation that has one per pool. */
  readonly bucket: string;
  /** Attempts that this process released per second, recently. */
  readonly rate: number;
  /** Attempts per second that all processes together may release. */
  readonly allowed: number;
  /** Attempts of this process that wait for a permit. */
  readonly waiting: number;
}

/** The jobs of one queue by BullMQ's states. */
interface QueueDepth {
  readonly queue: string;
  readonly counts: Readonly<Record<string, number>>;
}

/** The sources that each scrape reads. */
export interface LoadSources {
  readonly buckets: () => Iterable<BucketUsage>;
  /**
   * Null while Redis cannot be used. May also fail or hang, which the source itself reports. The scrape
   * then omits the queues.
   */
  readonly queues: () => Promise<readonly QueueDepth[] | null>;
}

/** How long a scrape waits for the queues. */
const QUEUES_TIMEOUT_MS = 2_000;

/** Registers the gauges of the buckets of this process and the queues of all processes. */
export function registerLoadMetrics(registry: Registry): {
  readonly setSources: (sources: LoadSources) => void;
  readonly update: () => Promise<void>;
} {
  const bucketGauge = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['scope', 'bucket'], registers: [registry] });
  const rate = bucketGauge(
    'cognito_mirror_bucket_attempts_per_second',
    'Attempts per second that this process released, over the last two seconds.',
  );
  const allowed = bucketGauge(
    'cognito_mirror_bucket_allowed_per_second',
    'Attempts per second that all processes together may release.',
  );
  const waiting = bucketGauge(
    'cognito_mirror_bucket_waiting',
    'Attempts of this process that wait for a permit.',
  );
  const jobs = new Gauge({
    name: 'cognito_mirror_queue_jobs',
    help: 'Jobs of all processes, by queue and state.',
    labelNames: ['queue', 'state'],
    registers: [registry],
  });
  const redisUp = new Gauge({
    name: 'cognito_mirror_redis_up',
    help: '1 if the queues could be read and Redis accepts commands, else 0.',
    registers: [registry],
  });
  let buckets: LoadSources['buckets'] = () => [];
  let queues: LoadSources['queues'] | null = null;

  const updateBuckets = () => {
    for (const gauge of [rate, allowed, waiting]) gauge.reset();
    for (const usage of buckets()) {
      const labels = { scope: usage.scope, bucket: usage.bucket };
      rate.set(labels, usage.rate);
      allowed.set(labels, usage.allowed);
      waiting.set(labels, usage.waiting);
    }
  };
  const updateQueues = async () => {
    const depths = (await queues?.().catch(() => null)) ?? null;
    jobs.reset();
    redisUp.set(depths === null ? 0 : 1);
    for (const { queue, counts } of depths ?? []) {
      for (const [state, count] of Object.entries(counts)) jobs.set({ queue, state }, count);
    }
  };
  return {
    setSources(sources) {
      buckets = sources.buckets;
      queues = bounded(sources.queues, QUEUES_TIMEOUT_MS);
    },
    async update() {
      updateBuckets();
      await updateQueues();
    },
  };
}
