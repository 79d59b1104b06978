import { collectDefaultMetrics, Registry } from 'prom-client';
import { type DirectoryMetrics, registerDirectoryMetrics } from './metrics-directory.ts';
import { type LoadSources, registerLoadMetrics } from './metrics-load.ts';
import { registerWorkMetrics, type WorkRecorder } from './metrics-work.ts';

/** The metrics of this process for Prometheus. docs/METRICS.md lists them. */
export interface Metrics extends WorkRecorder {
  /** Sets the buckets and queues that each scrape reads. */
  setSources(sources: LoadSources): void;
  /** Counts a query for the metrics of pools that failed although Postgres was reachable. */
  recordPoolQueryError(): void;
  /**
   * Formats one scrape in the format of `contentType`.
   *
   * @param found what Postgres knows; null if it did not answer.
   */
  scrape(found: DirectoryMetrics | null): Promise<string>;
  readonly contentType: string;
  /** Every metric with its name, type, labels and help. */
  readonly registry: Registry;
}

/** Creates metrics with their own registry, once per process. */
export function openMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'cognito_mirror_' });
  const directory = registerDirectoryMetrics(registry);
  const load = registerLoadMetrics(registry);
  return {
    ...registerWorkMetrics(registry),
    setSources: load.setSources,
    recordPoolQueryError: directory.recordQueryError,
    async scrape(found) {
      directory.set(found);
      await load.update();
      return registry.metrics();
    },
    contentType: registry.contentType,
    registry,
  };
}
