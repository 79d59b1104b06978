import { Gauge, type Registry } from 'prom-client';
import { bounded } from '../common/bounded.ts';

/** How much a bucket of this process is used. */
export interface BucketUsage {
  /**
   * The account and Region (`111122223333/us-east-1`), the Region alone where no account is known
   * yet, or the pool besides where the quota is a pool's.
   */
  readonly scope: string;
  /** The quota, or the operation that has one per pool. */
  readonly bucket: string;
  /** Attempts that this process released a second, lately. */
  readonly rate: number;
  /** Attempts a second that all processes together may release. */
  readonly allowed: number;
  /** Attempts of this process that wait for their turn. */
  readonly waiting: number;
}

/** The jobs of one queue, by their state in BullMQ's words. */
export interface QueueDepth {
  readonly queue: string;
  readonly counts: Readonly<Record<string, number>>;
}

/** What is asked at each scrape. */
export interface LoadSources {
  readonly buckets: () => Iterable<BucketUsage>;
  /** May fail or hang, as Redis may be away: the scrape goes on without it. */
  readonly queues: () => Promise<readonly QueueDepth[]>;
}

/** How long a scrape waits for the queues. */
const PATIENCE_MS = 2_000;

/** Gauges of what waits: at the buckets of this process, and in the queues of all. */
export function loadMetrics(registry: Registry): {
  readonly watch: (sources: LoadSources) => void;
  readonly read: () => Promise<void>;
} {
  const bucketGauge = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['scope', 'bucket'], registers: [registry] });
  const rate = bucketGauge(
    'cognito_mirror_bucket_attempts_per_second',
    'Attempts that this process released a second, over the last two seconds.',
  );
  const allowed = bucketGauge(
    'cognito_mirror_bucket_allowed_per_second',
    'Attempts a second that all processes together may release.',
  );
  const waiting = bucketGauge(
    'cognito_mirror_bucket_waiting',
    'Attempts of this process that wait for their turn.',
  );
  const jobs = new Gauge({
    name: 'cognito_mirror_queue_jobs',
    help: 'Jobs by queue and state, of all processes.',
    labelNames: ['queue', 'state'],
    registers: [registry],
  });
  const redisUp = new Gauge({
    name: 'cognito_mirror_redis_up',
    help: 'Whether the queues could be read, and Redis refuses nothing: 1 or 0.',
    registers: [registry],
  });
  let buckets: LoadSources['buckets'] = () => [];
  let queues: LoadSources['queues'] | null = null;

  const readBuckets = () => {
    for (const gauge of [rate, allowed, waiting]) gauge.reset();
    for (const usage of buckets()) {
      const labels = { scope: usage.scope, bucket: usage.bucket };
      rate.set(labels, usage.rate);
      allowed.set(labels, usage.allowed);
      waiting.set(labels, usage.waiting);
    }
  };
  const readQueues = async () => {
    const depths = (await queues?.().catch(() => null)) ?? null;
    jobs.reset();
    redisUp.set(depths === null ? 0 : 1);
    for (const { queue, counts } of depths ?? []) {
      for (const [state, count] of Object.entries(counts)) jobs.set({ queue, state }, count);
    }
  };
  return {
    watch(sources) {
      buckets = sources.buckets;
      queues = bounded(sources.queues, PATIENCE_MS);
    },
    async read() {
      readBuckets();
      await readQueues();
    },
  };
}
