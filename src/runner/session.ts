import type pg from 'pg';
import type { RetryPolicy } from '../cognito/call.ts';
import { type Cognito, openCognito } from '../cognito/client.ts';
import { ResourceNotFoundError } from '../cognito/errors.ts';
import type { KeepRule } from '../config/keep-rule.ts';
import type { Pool, User } from '../model/directory.ts';
import { ActionRequiredError } from '../model/errors.ts';
import { isSameRecord, type PrivacyRecord } from '../model/privacy.ts';
import { type SnapshotKey, snapshotId } from '../model/snapshot.ts';
import type { Notifier } from '../notify/notifier.ts';
import { recordVanished } from '../postgres/coordination/alarms.ts';
import { renewLease, type SnapshotLease, takeLease } from '../postgres/store/leases.ts';
import { PageCommitter } from '../postgres/store/page-committer.ts';
import { explainVanished, savePool } from '../postgres/store/pools.ts';
import { TRANSITIONS } from '../postgres/store/states.ts';
import { listSuppressed, recordSuppressed } from '../postgres/store/suppressed.ts';
import type { AccountBuckets } from '../quota/account-buckets.ts';
import type { ArchiveSettings } from '../snapshot/archive.ts';
import type { SnapshotContext } from '../snapshot/context.ts';
import { areWalksLong, estimateSizes } from '../snapshot/expected-sizes.ts';
import { showExpected } from '../snapshot/tally.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { WorkRecorder } from '../telemetry/metrics-work.ts';
import type { SnapshotProgress } from '../telemetry/snapshot-progress.ts';
import { NO_TRACE, type RunTrace } from '../telemetry/tracing.ts';
import { CallCounter } from './count-calls.ts';
import { describePool, type PoolDeps } from './describe-pool.ts';
import { otherRulesError } from './other-rules.ts';
import { recordFailure } from './outcome.ts';

/** What a session needs, in both runners. */
export interface SessionDeps extends ArchiveSettings {
  readonly db: pg.Pool;
  /** Which snapshots stay in the archive; null: all of them. */
  readonly keep: KeepRule | null;
  readonly buckets: AccountBuckets;
  /** How long closed versions are kept; null: always. */
  readonly historyDays: number | null;
  /** Gets every attempt and the duration of every phase; absent if this process serves no metrics. */
  readonly metrics?: WorkRecorder;
  /** Gets the start and end of every run; absent: there are no notifications. */
  readonly notifier?: Notifier;
  /** The trace of the run; absent while traces are off. */
  readonly trace?: RunTrace;
  /** How often a call is retried. Default: `RETRY_POLICY`. */
  readonly retryPolicy?: RetryPolicy;
  /** Walks that are expected to take longer get a stage that survives a crash. Default: `LONG_WALKS_S`. */
  readonly longWalksS?: number;
  readonly log: Logger;
}

/**
 * An open snapshot: its Cognito client and, while it is read, its lease and its committer. `advance.ts`
 * moves it through its states. What displays need it copies into its progress, and never reads back.
 */
export class SnapshotSession {
  readonly deps: SessionDeps;
  readonly settings: PoolDeps;
  readonly pool: Pool;
  readonly progress: SnapshotProgress;
  readonly #cognito: Cognito;
  readonly #calls: CallCounter;
  #log: Logger;
  #key: SnapshotKey | null = null;
  #resumed = false;
  #lease: SnapshotLease | null = null;
  /** The keyed hashes of forgotten persons. */
  #suppressed: ReadonlySet<string> = new Set();

  constructor(deps: SessionDeps, settings: PoolDeps, pool: Pool, progress: SnapshotProgress) {
    const { metrics, trace = NO_TRACE, retryPolicy, log } = deps;
    this.deps = deps;
    this.settings = settings;
    this.pool = pool;
    this.progress = progress;
    this.#log = log.child({ poolId: pool.poolId });
    progress.onPhaseEnd((phase, seconds) => {
      if (phase !== 'done') metrics?.recordPhase(phase, seconds);
      trace.recordPhase(phase, seconds);
    });
    this.#cognito = openCognito({
      region: pool.region,
      access: settings.access,
      buckets: deps.buckets.of(pool.accountId, pool.region),
      meter: progress.meter,
      observer: trace.observe(metrics),
      log,
      mask: settings.privacy.database,
      settingsOf: settings.secrets === null ? undefined : { pool, secrets: settings.secrets },
      leaveOut: (users) => this.#leaveOut(users),
      ...(retryPolicy && { retryPolicy }),
    });
    this.#calls = new CallCounter(deps.db, progress.meter, log);
  }

  /** Its lines carry the pool, and the snapshot as soon as it is known. */
  get log(): Logger {
    return this.#log;
  }

  /** Null until the session has chosen its snapshot. */
  get key(): SnapshotKey | null {
    return this.#key;
  }

  /** True if the snapshot is one that an earlier run left unfinished. */
  get resumed(): boolean {
    return this.#resumed;
  }

  /** Null while the snapshot is not read. */
  get lease(): SnapshotLease | null {
    return this.#lease;
  }

  /** Uses this lease from now on. */
  useLease(lease: SnapshotLease): void {
    this.#lease = lease;
    this.#calls.lease = lease;
    this.#nameSnapshot(lease.snapshotAt);
  }

  /** Works on this snapshot, whose lease it takes when it reads it. */
  choose(snapshotAt: Date, { resumed }: { readonly resumed: boolean }): void {
    const key = { poolId: this.pool.poolId, snapshotAt };
    this.#key = key;
    this.#resumed = resumed;
    this.#nameSnapshot(snapshotAt);
    Object.assign(this.progress, { key, resumed });
  }

  #nameSnapshot(snapshotAt: Date): void {
    const { poolId } = this.pool;
    this.#log = this.deps.log.child({ poolId, snapshot: snapshotId(snapshotAt) });
  }

  /** True if the walks of a new snapshot should survive a crash of Postgres, because they take long. */
  async expectsLongWalks(): Promise<boolean> {
    const { pool } = this;
    const { db, buckets, longWalksS } = this.deps;
    const { UserList } = buckets.allowed(pool.accountId, pool.region);
    return areWalksLong(await estimateSizes(db, pool), UserList, longWalksS);
  }

  /**
   * Takes the lease of the chosen snapshot, or renews it: jobs that were added under the lease before
   * end without an effect.
   *
   * @returns null if the snapshot is not walking.
   * @throws LeaseLostError if this session had the lease and another runner took it.
   */
  async takeLease(): Promise<SnapshotContext | null> {
    const { db } = this.deps;
    const { poolId, snapshotAt } = this.requireKey();
    const lease =
      this.#lease === null
        ? await takeLease(db, poolId, [TRANSITIONS.begin.to], snapshotAt)
        : await renewLease(db, this.#lease);
    if (lease === null) return null;
    this.useLease(lease);
    return this.openContext(lease);
  }

  /** What this process hides in the users that it stages. */
  get privacy(): PrivacyRecord | null {
    return this.settings.privacy.database.record;
  }

  /**
   * What the steps work with under a lease.
   *
   * @throws ActionRequiredError if the snapshot hides other attributes than this process.
   */
  async openContext(lease: SnapshotLease): Promise<SnapshotContext> {
    const { pool, progress, log } = this;
    const { db, trace = NO_TRACE } = this.deps;
    const mask = this.settings.privacy.database;
    if (!isSameRecord(lease.privacy, mask.record)) throw otherRulesError(lease);
    this.#suppressed = await listSuppressed(db, lease.poolId);
    this.#requireKeyOfSuppressed();
    const expected = await estimateSizes(db, pool);
    showExpected(progress, expected);
    const committer = new PageCommitter(db, lease);
    const shared = { db, cognito: this.#cognito, pool, progress, trace, log };
    return { ...shared, lease, mask, committer, expected };
  }

  /** Leaves out the persons who were forgotten, and records that the snapshot did. */
  async #leaveOut(users: User[]): Promise<User[]> {
    if (this.#suppressed.size === 0 || this.#lease === null) return users;
    const { privacy } = this.settings;
    const left: string[] = [];
    const kept = users.filter(({ sub }) => {
      const hash = sub === null ? null : privacy.hashSub(sub);
      if (hash === null || !this.#suppressed.has(hash)) return true;
      left.push(hash);
      return false;
    });
    const { poolId, snapshotAt } = this.#lease;
    if (left.length > 0) await recordSuppressed(this.deps.db, poolId, snapshotAt, left);
    return kept;
  }

  /** Without the key, the forgotten persons would come back. */
  #requireKeyOfSuppressed(): void {
    const keyOf = (hash: string) => hash.slice(0, hash.lastIndexOf(':'));
    const own = this.settings.privacy.hashSub('');
    const ids = new Set([...this.#suppressed].map(keyOf));
    if (own !== null) ids.delete(keyOf(own));
    const [missing] = ids;
    if (missing === undefined) return;
    throw ActionRequiredError.of(
      'MIRROR_HASH_KEY',
      `persons of ${this.pool.poolId} were forgotten with --suppress, and to leave them out needs the key with the id ${missing.slice(missing.lastIndexOf(':') + 1)}.`,
      'Set it to that key.',
    );
  }

  /** Stops using the lease, when the snapshot is no longer walking. */
  async dropLease(): Promise<void> {
    await this.#calls.flush();
    this.#calls.lease = null;
    this.#lease = null;
  }

  /** Records in the snapshot's row why reading it stopped. */
  async recordFailure(error: Error): Promise<void> {
    const { log } = this;
    const { db } = this.deps;
    if (this.#lease !== null) await recordFailure({ db, lease: this.#lease, log }, error);
  }

  requireKey(): SnapshotKey {
    if (this.#key === null) throw new Error('The session has no snapshot yet.');
    return this.#key;
  }

  /** Closes the connections to the service, and counts the calls that were made. */
  async close(): Promise<void> {
    this.#cognito.close();
    await this.#calls.close();
  }
}

/**
 * Opens a session: asks the service what the pool is, and saves the answer.
 *
 * @throws ActionRequiredError if the pool does not exist, or the database holds another pool of this id.
 */
export async function openSession(
  deps: SessionDeps,
  poolId: string,
  settings: PoolDeps,
  progress: SnapshotProgress,
  signal: AbortSignal,
): Promise<SnapshotSession> {
  const { db, metrics } = deps;
  const { access, region } = settings;
  try {
    const describing = { ...deps, access, region, observer: metrics };
    const pool = await describePool(describing, poolId, progress.meter, signal);
    await savePool(db, pool);
    return new SnapshotSession(deps, settings, pool, progress);
  } catch (error) {
    if (!(error instanceof ResourceNotFoundError)) throw error;
    const explained = await explainVanished(db, poolId, region, error);
    if (explained !== null) await recordVanished(db, explained.message, poolId);
    throw explained ?? error;
  }
}
