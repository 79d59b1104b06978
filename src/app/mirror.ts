import type { Listing, ListingPage } from '../cognito/listing.ts';
import type { Examination } from '../doctor/check.ts';
import type { DoctorOptions } from '../doctor/run-doctor.ts';
import type { PoolPlan } from '../estimate/plan-pools.ts';
import type { Diff, DiffQuestion, UseChanges } from '../history/diff.ts';
import type { PoolReservation } from '../postgres/coordination/reserve-pool-id.ts';
import type { Database } from '../postgres/database.ts';
import type { ResultColumn, TextRow } from '../postgres/read-only.ts';
import type { ImportCsvSummary } from '../restore/import-csv.ts';
import type { PoolPruning } from '../retention/prune-archive.ts';
import type { Forgotten } from '../runner/forget.ts';
import type { PoolOutcome } from '../runner/inline/sync.ts';
import type { PoolAge } from '../runner/mirror-age.ts';
import type { SnapshotReport } from '../runner/outcome.ts';
import type { Status } from '../runner/status.ts';
import type { Triggered } from '../runner/trigger.ts';
import type { SnapshotProgress } from '../telemetry/snapshot-progress.ts';
import type { CallOptions } from './calls.ts';
import type { ForgetQuestion } from './forget.ts';
import type { HistoryQuestions } from './history-questions.ts';
import type { MirrorLogger } from './logger.ts';
import type { Plans } from './plan.ts';
import type { PruneOutcome } from './prune.ts';
import type { RestoreOptions, RestoreRun } from './restore.ts';
import type { RestoreRequest, RestoreSelection } from './restore-request.ts';
import type { WorkerOptions } from './run-worker.ts';
import type { DashboardOptions } from './serve-dashboard.ts';

/** How one snapshot is taken. */
export interface SyncOptions extends CallOptions {
  /**
   * Called when the snapshot starts, every half second and when it ends. The object is the same each
   * time, and current whenever it is read.
   */
  readonly onProgress?: (progress: SnapshotProgress) => void;
}

/** How the snapshots of several pools are taken. */
export interface SyncPoolsOptions extends SyncOptions {
  /** Called when the run of a pool ended. */
  readonly onEnd?: (outcome: PoolOutcome) => void;
  /** False if the caller shows how each pool ended: the log then leaves it out. */
  readonly logsOutcomes?: boolean;
}

/** A column of a query's result. Rows hold values in Postgres's own text form, or null. */
export interface QueryColumn extends ResultColumn {
  readonly isNumeric: boolean;
  /** The value as text: times in ISO 8601, booleans as words. */
  toText(value: string | null): string | null;
  /** The value for a JSON document. Numbers that JavaScript would change are strings. */
  toJson(value: string | null): unknown;
}

/** What to report of a mirror. */
export interface StatusOptions extends CallOptions {
  /** The pools to report; by default all that are known. */
  readonly pools?: readonly string[] | undefined;
  /** Measures rates since this earlier status, instead of since the start of the run. */
  readonly since?: Status | undefined;
}

/** How archives are pruned. */
export interface PruneOptions extends CallOptions {
  /** True: nothing is written or deleted, and the result says what would be. */
  readonly dryRun?: boolean;
}

/** How persons are forgotten. */
export interface ForgetOptions extends CallOptions, Partial<Omit<ForgetQuestion, 'users'>> {}

/** Whether mirrors are recent enough. */
export interface AgeCheck {
  readonly at: Date;
  readonly ok: boolean;
  readonly pools: readonly PoolAge[];
}

/** A mirror of Cognito user pools. Close it when it is no longer needed. */
export interface Mirror extends HistoryQuestions {
  /** Where the mirror is, for messages: its folder, or its database without the password. */
  readonly location: string;
  /** What the mirror logs to. Every line passes the redaction of secrets and personal data. */
  readonly logger: MirrorLogger;
  /**
   * The ids of pools that are given by id, ARN or name. Every method takes pools in these forms; results
   * have ids. Names are looked up in the database and in the account's list. A listed pool takes the name
   * of one that is no longer listed. Without the right to list, the database alone answers.
   *
   * @param options `mirrored`: look only in the database
   * @throws ActionRequiredError for each that is not the id, the ARN or the name of exactly one pool
   */
  poolIds(
    pools: readonly string[],
    options?: CallOptions & { readonly mirrored?: boolean },
  ): Promise<readonly string[]>;
  /** True if something is mirrored there. Creates nothing. */
  exists(options?: CallOptions): Promise<boolean>;
  /**
   * Takes, publishes and archives a snapshot of a pool, or resumes an unfinished one. A snapshot that
   * would remove too many rows ends with the state `held`. Pools of one Region wait for each other.
   *
   * @returns what `sync --json` prints of the pool
   */
  sync(poolId: string, options?: SyncOptions): Promise<SnapshotReport>;
  /** The same for several pools, or for `all` of the account. A pool that fails does not stop the others. */
  syncPools(
    pools: readonly string[] | 'all',
    options?: SyncPoolsOptions,
  ): Promise<readonly PoolOutcome[]>;
  /** Estimates what a snapshot of a pool takes in calls, time, rows and bytes. Reads no user. */
  plan(poolId: string, options?: CallOptions): Promise<PoolPlan>;
  /** The same for several pools, or for `all` of the account. */
  planPools(pools: readonly string[] | 'all', options?: CallOptions): Promise<Plans>;
  /** Snapshots, walks, schedules, requests and workers. Empty lists if nothing is mirrored yet. */
  status(options?: StatusOptions): Promise<Status>;
  /** Compares the age of mirrors with a limit; by default of every pool that should have one. */
  checkAge(
    options: CallOptions & {
      readonly maxAgeSeconds: number;
      readonly pools?: readonly string[] | undefined;
    },
  ): Promise<AgeCheck>;
  /**
   * Examines everything that the mirror depends on. It creates nothing, except objects and keys on trial
   * that it removes again. `examine` does the same for environment variables, wrong ones included.
   */
  examine(options?: DoctorOptions): Promise<Examination>;
  /** Publishes and archives a held snapshot, named `POOL/SNAPSHOT`. */
  release(snapshot: string, options?: SyncOptions): Promise<SnapshotReport>;
  /** Drops a snapshot that is held or still being read, named `POOL/SNAPSHOT`. */
  discard(snapshot: string, options?: CallOptions): Promise<SnapshotReport>;
  /**
   * Removes the objects of every archived snapshot of a pool that `archiveKeep` does not keep. Manifests
   * stay, and a signed document beside each says what was removed. Snapshots under Object Lock stay.
   *
   * @throws ActionRequiredError if `archiveKeep` is not set, or removals could not be signed
   */
  prune(poolId: string, options?: PruneOptions): Promise<PoolPruning>;
  /** The same for several pools, or for `all` of the database. A pool that fails does not stop the others. */
  prunePools(
    pools: readonly string[] | 'all',
    options?: PruneOptions,
  ): Promise<readonly PruneOutcome[]>;
  /**
   * Removes persons from a pool's database and archive: current state, history, stages, and every part of
   * every snapshot, under signed revisions. A signed receipt without personal data stays.
   *
   * @param users usernames or subs
   * @throws ActionRequiredError before anything is written, if a user is unknown, or still in the pool
   *   without `suppress`
   */
  forget(poolId: string, users: readonly string[], options?: ForgetOptions): Promise<Forgotten>;
  /**
   * Puts a snapshot back into a pool: creates groups, users, memberships and links that the pool lacks, and
   * changes what differs. No user is deleted or gets a message. What an interrupted run did is
   * recorded, and the next one resumes. A manifest as the source needs no database.
   *
   * @returns the plan, and what was done. Entities that failed are listed in its files
   * @throws ActionRequiredError if it is refused before anything is written
   */
  restore(request: RestoreRequest, options?: RestoreOptions): Promise<RestoreRun>;
  /**
   * The users of a snapshot as CSV for the service's own import job, for this pool. Nothing is written to
   * the pool.
   *
   * @param use receives the lines, the header first
   */
  importCsv(
    selection: RestoreSelection,
    use: (lines: AsyncIterable<string>) => Promise<void>,
    options?: CallOptions,
  ): Promise<ImportCsvSummary>;
  /** Asks the workers for a snapshot of a pool now. */
  trigger(poolId: string, options?: CallOptions): Promise<Triggered>;
  /**
   * The line of the configured signing key for a file of OpenSSH's allowed signers.
   *
   * @throws ActionRequiredError if no key is configured or it cannot be used
   */
  allowedSigner(options?: CallOptions): Promise<string>;
  /** Keeps the schedules and does the jobs until the signal fires or the mirror is closed. */
  worker(options?: CallOptions & WorkerOptions): Promise<void>;
  /**
   * Serves the dashboard until the signal fires or the mirror is closed. It needs only the database.
   *
   * @throws NoMirrorError if nothing is mirrored yet
   */
  dashboard(options: CallOptions & DashboardOptions): Promise<void>;
  /** The service's own listing of users, groups or members, page by page. */
  list(listing: Listing, options?: CallOptions): AsyncIterable<ListingPage>;
  /**
   * Runs one read-only SQL statement. Memory does not grow with the result.
   *
   * @param use receives the columns, and the rows in batches
   */
  query(
    sql: string,
    use: (
      columns: readonly QueryColumn[],
      batches: AsyncIterable<readonly TextRow[]>,
    ) => Promise<void>,
    options?: CallOptions,
  ): Promise<void>;
  /**
   * Compares two states of a pool: published snapshots, or a published one with the held one or the live
   * pool. Only `to: 'now'` reads more than the database: it reads the pool as `sync` does, within the quota,
   * and publishes nothing. Memory does not grow with the number of changes.
   *
   * @param use receives the two states, and the changes in batches
   * @param options `onProgress` is called while the live pool is read
   * @returns the counts
   */
  diff(poolId: string, use: UseChanges, options?: DiffQuestion & SyncOptions): Promise<Diff>;
  /**
   * Signs a receipt with the configured signing key, for OpenSSH's namespace `cognito-mirror-receipt`.
   *
   * @returns the text of its `.sig` file; null if no key is configured
   */
  signReceipt(receipt: Uint8Array, options?: CallOptions): Promise<string | null>;
  /**
   * Ends the alarms of a pool that was deleted or is mirrored no more. Its rows and archives stay.
   *
   * @throws ActionRequiredError if the pool is unknown, listed by `all`, or scheduled
   */
  retire(poolId: string, options?: CallOptions): Promise<void>;
  /** Creates the schema, or updates it. Returns the names of the applied migrations. */
  migrate(options?: CallOptions): Promise<readonly string[]>;
  /** Keeps the database up for other clients until it is closed. */
  openDatabase(options?: CallOptions): Promise<Database>;
  /** Reserves the first of the candidate ids that was never mirrored, for a simulated pool. */
  reservePoolId(
    candidate: (index: number) => string,
    options?: CallOptions,
  ): Promise<PoolReservation>;
  /** The calls of ListUsers and ListUsersInGroup a second: the current rate, and the allowed one. */
  readonly usage: { readonly rate: number; readonly allowed: number };
  /** Stops what still runs, and closes every connection. An embedded Postgres stops with its last user. */
  close(): Promise<void>;
}
