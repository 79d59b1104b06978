import type pg from 'pg';
import type { AwsAccess } from '../aws/access.ts';
import { type Config, PROGRAM } from '../config/config.ts';
import { resolvePoolSettings, resolveWebhook } from '../config/pool-settings.ts';
import { NoMirrorError } from '../model/errors.ts';
import type { Notifier, NotifierDeps } from '../notify/notifier.ts';
import { describeLocation } from '../postgres/database.ts';
import { HashKey } from '../privacy/hash-key.ts';
import { PoolPrivacy } from '../privacy/pool-privacy.ts';
import { Secrets } from '../privacy/secrets.ts';
import type { PoolDepsLookup } from '../runner/describe-pool.ts';
import type { SyncDeps } from '../runner/inline/sync.ts';
import type { SessionDeps } from '../runner/session.ts';
import type { Signer } from '../signature/signer.ts';
import type { ArchiveSettings } from '../snapshot/archive.ts';
import { LOG_SCOPE, type Logger } from '../telemetry/logger.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import {
  type Archives,
  allOrProblems,
  checkArchives,
  createArchives,
  workFolder,
} from './open-archives.ts';
import { findMirrorDatabase, type MirrorDatabase, openMirrorDatabase } from './open-database.ts';
import type { Quota } from './open-quota.ts';

/** What a run works with, open. */
export interface Opened {
  readonly database: MirrorDatabase;
  readonly quota: Quota;
  readonly archives: Archives;
  /** Null: manifests get no signatures. */
  readonly signer: Signer | null;
  /** Null: traces are off. */
  readonly tracing: Tracing | null;
}

interface OpenOptions {
  /** True for a mirror that must exist; if there is none, nothing is created. */
  readonly existing?: boolean;
  /** Called with the database if it is open and something else could not be opened. */
  readonly onFailure?: (db: pg.Pool, error: unknown) => Promise<void>;
}

/** What one mirror works with. Each part is opened on first use, then shared, and closed together. */
export class Resources {
  #config: Config;
  readonly access: AwsAccess;
  readonly log: Logger;
  /** True if runs are traced. */
  readonly traces: boolean;
  readonly archives: Archives;
  /** The key of hashed attributes, or null. */
  readonly hashKey: HashKey | null;
  readonly #privacy = new Map<string, PoolPrivacy>();
  readonly #quota = new Shared<Quota>();
  readonly #database = new Shared<MirrorDatabase>();
  readonly #tracing = new Shared<Tracing>();

  /** @param traces true if runs are traced, as the variables of OpenTelemetry say. */
  constructor(config: Config, access: AwsAccess, log: Logger, traces = false) {
    this.#config = config;
    this.traces = traces;
    this.access = access;
    this.log = log;
    this.archives = createArchives(() => this.config, access);
    this.hashKey = config.hashKey === null ? null : new HashKey(config.hashKey);
  }

  get config(): Config {
    return this.#config;
  }

  /** Replaces the settings of single pools by those in which names are resolved. */
  settlePools(file: Config['file']): void {
    this.#config = { ...this.#config, file };
  }

  /** The quota, if it was opened. */
  get openQuota(): Quota | null {
    return this.#quota.value;
  }

  /** The database, if it was opened. */
  get openDatabase(): MirrorDatabase | null {
    return this.#database.value;
  }

  async quota(signal: AbortSignal): Promise<Quota> {
    const { config, log } = this;
    const { openQuota } = await import('./open-quota.ts');
    return this.#quota.open(() => openQuota(config, log, signal)) as Promise<Quota>;
  }

  /** The database, which is created if there is none. */
  async database(signal: AbortSignal): Promise<MirrorDatabase> {
    const { config, log } = this;
    return this.#database.open(() =>
      openMirrorDatabase(config, log, signal),
    ) as Promise<MirrorDatabase>;
  }

  /** The database, or null if there is no mirror yet. */
  async findDatabase(signal: AbortSignal): Promise<MirrorDatabase | null> {
    const { config, log } = this;
    return this.#database.open(() => findMirrorDatabase(config, log, signal));
  }

  /** @throws NoMirrorError if there is no mirror yet */
  async requireDatabase(signal: AbortSignal): Promise<MirrorDatabase> {
    const database = await this.findDatabase(signal);
    if (database === null) throw new NoMirrorError(describeLocation(this.config));
    return database;
  }

  /**
   * Opens database, quota, signing key and archives at the same time, so that every problem is
   * reported before a call costs quota.
   *
   * @throws ActionRequiredError with everything that is wrong or cannot be reached
   */
  async openForRun(
    pools: readonly string[] | 'all',
    signal: AbortSignal,
    { existing = false, onFailure }: OpenOptions = {},
  ): Promise<Opened> {
    const opening = existing ? this.requireDatabase(signal) : this.database(signal);
    // It can fail while modules are loaded. Node would report that nothing handles the failure.
    opening.catch(() => {});
    try {
      const { requireCognitoEndpoint } = await import('../cognito/sdk.ts');
      // Without a mirror, no folder of an archive is created either.
      if (existing) {
        await opening.catch((error: unknown) => {
          if (error instanceof NoMirrorError) throw error;
        });
      }
      const [database, quota, signer] = await allOrProblems<
        [MirrorDatabase, Quota, Signer | null, unknown, unknown]
      >(
        opening,
        this.quota(signal),
        this.signer(signal),
        checkArchives(this.config, this.archives, pools, signal),
        requireCognitoEndpoint(this.access),
      );
      const tracing = await this.tracing();
      return { database, quota, signer, archives: this.archives, tracing };
    } catch (error) {
      const database = await opening.catch(() => null);
      if (database !== null) await onFailure?.(database.db, error);
      throw error;
    }
  }

  /** Exports traces; null if they are off. */
  async tracing(): Promise<Tracing | null> {
    if (!this.traces) return null;
    const { openTracing } = await import('../telemetry/open-tracing.ts');
    const { log, access } = this;
    return this.#tracing.open(() => openTracing({ log, proxies: access.proxies ?? {} }));
  }

  /** The key that signs manifests, or null if none is configured. */
  async signer(signal: AbortSignal): Promise<Signer | null> {
    const { archiveSigningKey: key } = this.config;
    if (key === null) return null;
    const { openSigner } = await import('../signature/open-signer.ts');
    return openSigner(key, this.access, signal);
  }

  /** What each pool is mirrored with. */
  readonly poolDeps: PoolDepsLookup = async (poolId) => {
    const settings = resolvePoolSettings(this.config, poolId);
    const { role, region, maxRemovedRatio: maxRemoved, mfaBudget, archiveLock } = settings;
    const { hashKey } = this;
    const hidesSecrets = settings.poolSettings && hashKey !== null;
    return {
      access: { ...this.access, role },
      region,
      maxRemoved,
      mfaBudget,
      destination: await this.archives.of(poolId),
      archiveLock,
      privacy: this.privacy(poolId),
      secrets: hidesSecrets ? new Secrets(poolId, hashKey) : null,
    };
  };

  /** What Postgres and the archive of a pool hide. One for each pool, so that it warns once. */
  privacy(poolId: string): PoolPrivacy {
    const { config, hashKey: key, log } = this;
    const opened = this.#privacy.get(poolId);
    if (opened !== undefined) return opened;
    const onRevealed = (field: string, attribute: string) =>
      (LOG_SCOPE.getStore() ?? log).warn(
        { poolId, field, hidden: attribute },
        'a field that stays repeats an attribute that the privacy rules hide: see docs/PRIVACY.md',
      );
    const rules = resolvePoolSettings(config, poolId).privacy;
    const privacy = new PoolPrivacy({ poolId, ...rules, key, onRevealed });
    this.#privacy.set(poolId, privacy);
    return privacy;
  }

  /**
   * Tells others what happens to pools.
   *
   * @param db null if it could not be opened: pings are sent all the same.
   */
  async openNotifier(db: pg.Pool | null, metrics?: NotifierDeps['metrics']): Promise<Notifier> {
    const { Notifier } = await import('../notify/notifier.ts');
    const { config, access, log } = this;
    return new Notifier({
      db,
      urlOf: (poolId) => resolvePoolSettings(config, poolId).pingUrl,
      webhook: resolveWebhook(config),
      proxies: access.proxies,
      metrics,
      log,
    });
  }

  /** How archives are written. */
  archiveSettings(signer: Signer | null): ArchiveSettings {
    const { config } = this;
    const folder = workFolder(config);
    return { formats: config.archiveFormats, signer, program: PROGRAM, workFolder: folder };
  }

  /** What snapshots of both runners need. */
  sessionDeps({ database, quota, signer }: Opened): SessionDeps {
    const { config, log } = this;
    return {
      ...this.archiveSettings(signer),
      db: database.db,
      keep: config.archiveKeep,
      buckets: quota.buckets,
      historyDays: config.historyDays,
      log,
    };
  }

  /** What an inline run works with. */
  syncDeps(opened: Opened): SyncDeps {
    return {
      ...this.sessionDeps(opened),
      databaseUrl: opened.database.databaseUrl,
      poolDeps: this.poolDeps,
      quotaShared: opened.quota.redis !== null,
      tracing: opened.tracing,
    };
  }

  async close(): Promise<void> {
    await this.#quota.close();
    await this.#database.close();
    await this.#tracing.close();
  }
}

/** Something that is opened once. A failed opening does not count: the next caller tries again. */
class Shared<T extends { close(): Promise<void> }> {
  value: T | null = null;
  #last: Promise<unknown> = Promise.resolve();

  open(open: () => Promise<T | null>): Promise<T | null> {
    const opening = this.#last.then(async () => {
      this.value ??= await open();
      return this.value;
    });
    this.#last = opening.catch(() => {});
    return opening;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.value?.close();
    this.value = null;
  }
}
