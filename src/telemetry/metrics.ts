import { collectDefaultMetrics, Registry } from 'prom-client';
import { type DirectoryMetrics, directoryMetrics } from './metrics-directory.ts';
import { type LoadSources, loadMetrics } from './metrics-load.ts';
import { type WorkMeter, workMetrics } from './metrics-work.ts';

/** What this process measures of itself and tells Prometheus. docs/METRICS.md has every name. */
export interface Metrics extends WorkMeter {
  /** Says where buckets and queues are asked for their state at each scrape. */
  watch(sources: LoadSources): void;
  /** Counts a query for the metrics of pools that failed although Postgres was reachable. */
  poolQueryFailed(): void;
  /**
   * The text of one scrape, in the format that `contentType` names.
   *
   * @param figures what Postgres tells; null where it could not be read.
   */
  scrape(figures: DirectoryMetrics | null): Promise<string>;
  readonly contentType: string;
  /** What there is to measure: names, types, labels and help. */
  readonly registry: Registry;
}

/** Metrics with a registry of their own; a process opens them once. */
export function openMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'cognito_mirror_' });
  const directory = directoryMetrics(registry);
  const load = loadMetrics(registry);
  return {
    ...workMetrics(registry),
    watch: load.watch,
    poolQueryFailed: directory.queryFailed,
    async scrape(figures) {
      directory.set(figures);
      await load.read();
      return registry.metrics();
    },
    contentType: registry.contentType,
    registry,
  };
}
