import type pg from 'pg';
import type { Allowances } from '../config/pool-settings.ts';
import type { Examination } from '../doctor/check.ts';
import type { Diff, DiffQuestion, UseChanges } from '../history/diff.ts';
import type { HashKey } from '../privacy/hash-key.ts';
import type { Triggered } from '../runner/trigger.ts';
import type { QueueJobs } from '../runner/worker/list-jobs.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { BucketUsage } from '../telemetry/metrics-load.ts';

/** The tokens that people sign in with. At least one is set. */
export interface DashboardTokens {
  /** Sees people and may act (`MIRROR_HTTP_TOKEN`); null: the dashboard is read-only. */
  readonly act: string | null;
  /** Sees counts and runs only (`MIRROR_HTTP_VIEW_TOKEN`). */
  readonly view: string | null;
}

/** What pages need and cannot import, because it lies above their layer. */
export interface DashboardActions {
  /** Publishes and archives a held snapshot, named `POOL/SNAPSHOT`. Can take minutes. */
  release(snapshot: string): Promise<unknown>;
  /** Drops a held snapshot, named `POOL/SNAPSHOT`. */
  discard(snapshot: string): Promise<unknown>;
  /** Requests a snapshot of a pool from the workers. */
  trigger(poolId: string): Promise<Triggered>;
  /** Compares two states of a pool, as the command `diff` does; never with the live pool. */
  diff(
    poolId: string,
    use: UseChanges,
    question: DiffQuestion & { readonly signal: AbortSignal },
  ): Promise<Diff>;
  /** Makes the checks of `doctor`. Takes some seconds, and costs some calls. */
  examine(): Promise<Examination>;
}

/** Something that the process needs, as its readiness has it. */
export interface ServerState {
  readonly name: string;
  /** Null if it can be used. Everyone can read it. */
  readonly problem: string | null;
}

/** What only the process of a worker knows. */
export interface WorkerInsight {
  /** The jobs of all workers that are not done; null while Redis cannot be used. */
  listJobs(): Promise<readonly QueueJobs[] | null>;
  /** The use of quotas by this worker. */
  listUsages(): Iterable<BucketUsage>;
}

/** What the dashboard works with. */
export interface DashboardDeps {
  readonly db: pg.Pool;
  readonly tokens: DashboardTokens;
  readonly actions: DashboardActions;
  /** The quotas that the mirror may use. */
  readonly allowances: Pick<Allowances, 'of'>;
  /** Finds people by values that privacy rules hash; null without MIRROR_HASH_KEY. */
  readonly hashKey: HashKey | null;
  readonly readServers: () => Promise<readonly ServerState[]>;
  /** Null: the process is not a worker. */
  readonly worker: WorkerInsight | null;
  readonly log: Logger;
}
