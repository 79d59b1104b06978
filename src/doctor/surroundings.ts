import type { Destination } from '../archive/destination.ts';
import { openDestination } from '../archive/open-destination.ts';
import type { AwsAccess } from '../aws/access.ts';
import {
  type CallerAnswer,
  isServedElsewhere,
  readCallerIdentity,
  requireCredentials,
} from '../aws/caller-identity.ts';
import { configuredRegion } from '../aws/shared-config.ts';
import type { RetryPolicy } from '../cognito/call.ts';
import { type ListedPool, openCognito } from '../cognito/client.ts';
import type { Config } from '../config/config.ts';
import {
  type PoolSettings,
  resolveAllowances,
  resolvePoolSettings,
} from '../config/pool-settings.ts';
import type { Pool } from '../model/directory.ts';
import type { Problem } from '../model/errors.ts';
import { findIdsOfName } from '../model/named-pools.ts';
import type { LockMode } from '../model/object-lock.ts';
import { parsePool } from '../model/pool-id.ts';
import type { TargetPool } from '../model/restore.ts';
import { findDatabase } from '../postgres/database.ts';
import { selectPoolsByName } from '../postgres/history/pool-names.ts';
import { type ExaminedDatabase, openExamined } from '../postgres/open-examined.ts';
import { inspectSchemas } from '../postgres/own-schemas.ts';
import { nameExpectedPools } from '../postgres/store/pools.ts';
import { AccountBuckets, localAccountBuckets } from '../quota/account-buckets.ts';
import type { RedisConnection } from '../redis/connection.ts';
import { describeTarget } from '../runner/describe-pool.ts';
import { CallMeter } from '../telemetry/calls.ts';
import { createLogger } from '../telemetry/logger.ts';

/** What an examination starts from. */
export interface DoctorContext {
  /** The settings that are right; the others have their defaults. */
  readonly config: Config;
  readonly access: AwsAccess;
  /** The settings that are wrong. */
  readonly problems: readonly Problem[];
  /** Their variables. Nothing that depends on one of them is examined. */
  readonly unusable: ReadonlySet<string>;
  /** True if runs are traced, as the `OTEL_…` variables say. */
  readonly traces: boolean;
  /** The environment variables, for what other programs read of them. Empty for a library. */
  readonly env: NodeJS.ProcessEnv;
}

/** Two attempts and a few seconds of throttling: a person waits. */
export const QUICK_CALLS: RetryPolicy = {
  attemptMs: 8_000,
  faults: 1,
  faultBaseMs: 100,
  faultCapMs: 200,
  throttledForMs: 3_000,
  throttledBaseMs: 200,
  throttledCapMs: 1_000,
};

const SILENT = createLogger({ level: 'silent' });

/** How long opening a server may take. A check may take longer: others may open it first. */
const OPENING_MS = 10_000;

/** An archive, and how its objects are locked. */
export interface ExaminedArchive {
  readonly destination: Destination;
  readonly lockMode: LockMode | null;
}

/** What the checks look at. What several of them need is opened once, on first use. */
export class Surroundings {
  readonly context: DoctorContext;
  readonly #stop = new AbortController();
  readonly #closers: (() => unknown)[] = [];
  readonly #opened = new Map<string, Promise<unknown>>();
  readonly #byName = new Map<string, string>();
  readonly #onlyQuick: boolean;

  /** With `onlyQuick`, pools come from the database, and the account is not asked. */
  constructor(context: DoctorContext, { onlyQuick = false } = {}) {
    this.context = context;
    this.#onlyQuick = onlyQuick;
  }

  get config(): Config {
    return this.context.config;
  }

  /** True if the setting is right, or is not set. */
  readonly isUsable = (variable: string): boolean => !this.context.unusable.has(variable);

  /**
   * The database, or null if there is none yet. An embedded one is started, and stops again.
   *
   * @throws ActionRequiredError if it cannot be used
   */
  readonly openPostgres = (): Promise<ExaminedDatabase | null> =>
    this.#once('postgres', async (signal) => {
      const { databaseUrl } = this.config;
      if (databaseUrl !== null) return this.#end(await openExamined(databaseUrl, signal));
      const embedded = await findDatabase(this.config, signal);
      if (embedded === null) return null;
      this.#closers.push(() => embedded.close());
      return this.#end(await openExamined(embedded.url, signal));
    });

  /** The same; null also if it cannot be used, which is the result of another check. */
  readonly postgres = async (): Promise<ExaminedDatabase | null> =>
    this.isUsable('DATABASE_URL') ? this.openPostgres().catch(() => null) : null;

  /** The database if it has a mirror. */
  readonly mirror = async (): Promise<ExaminedDatabase | null> => {
    const session = await this.postgres();
    if (session === null) return null;
    const inspect = () => inspectSchemas(session);
    const { applied, refusal } = await this.#once('schemas', inspect);
    return refusal === null && (applied ?? []).length > 0 ? session : null;
  };

  /** @throws ActionRequiredError if it cannot be reached or used */
  readonly openRedis = (url: string): Promise<RedisConnection> =>
    this.#once('redis', async (signal) => {
      const { openRedis } = await import('../redis/connection.ts');
      const redis = await openRedis(url, signal);
      this.#closers.push(() => redis.close());
      return redis;
    });

  /** Redis; null if none is set, or if it cannot be used, which is the result of another check. */
  readonly redis = async (): Promise<RedisConnection | null> => {
    const { redisUrl } = this.config;
    return redisUrl === null ? null : this.openRedis(redisUrl).catch(() => null);
  };

  /** The ids of the pools to examine, without those that the check of pools finds wrong. */
  readonly poolIds = async (): Promise<readonly string[]> => {
    const { found } = await this.findPools().catch(() => ({ found: [] }));
    return found;
  };

  /**
   * The ids of the pools to examine, and names that no pool has, or several have, with their ids.
   *
   * @throws an error of the service if the pools cannot be listed and have to be
   */
  readonly findPools = async (): Promise<{
    found: string[];
    unknown: { readonly name: string; readonly ids: readonly string[] }[];
  }> => {
    const { pools, file } = this.config;
    const given = pools === 'all' ? [...file.pools.keys()] : pools;
    const listPools = this.#onlyQuick ? this.#listExpected : this.#listPools;
    const listed = pools === 'all' ? await listPools() : [];
    const found = listed.map(({ poolId }) => poolId);
    const unknown: { name: string; ids: string[] }[] = [];
    for (const text of given) {
      const parsed = parsePool(text);
      if ('poolId' in parsed) found.push(parsed.poolId);
      if (!('name' in parsed)) continue;
      const ids = await this.#idsOfName(parsed.name);
      const id = ids.length === 1 ? ids[0] : undefined;
      if (id === undefined) unknown.push({ name: parsed.name, ids });
      else {
        this.#byName.set(parsed.name, id);
        found.push(id);
      }
    }
    return { found: [...new Set(found)], unknown };
  };

  /** As commands that read the service find them. Without a list, the database alone answers. */
  async #idsOfName(name: string): Promise<string[]> {
    if (this.#onlyQuick) {
      const expected = await this.#listExpected();
      return expected.filter((pool) => pool.name === name).map(({ poolId }) => poolId);
    }
    const mirror = await this.mirror().catch(() => null);
    const known = mirror === null ? [] : await selectPoolsByName(mirror, [name]);
    const listing = this.#listPools();
    const pools = await listing.catch(() => null);
    const listed = pools === null ? null : { region: await this.region(), pools };
    const accountOf = (poolId: string) =>
      this.describe(poolId).then(
        ({ accountId }) => accountId,
        () => null,
      );
    const ids = await findIdsOfName(name, known, listed, accountOf);
    if (ids.length === 0) await listing;
    return ids;
  }

  /** The settings of a pool, which the file may name by its name. */
  readonly settingsOf = (poolId: string): PoolSettings => {
    const { config } = this;
    const pools = new Map(
      [...config.file.pools].map(([key, entry]) => [this.#byName.get(key) ?? key, entry] as const),
    );
    return resolvePoolSettings({ ...config, file: { ...config.file, pools } }, poolId);
  };

  /** The pools that need a recent mirror; none without a mirror. */
  readonly #listExpected = async (): Promise<readonly Pick<Pool, 'poolId' | 'name'>[]> => {
    const session = await this.mirror();
    if (session === null) return [];
    return this.#once('expected', () => nameExpectedPools(session));
  };

  /** Every pool of the account and Region. */
  readonly #listPools = (): Promise<readonly ListedPool[]> =>
    this.#once('pools', async (signal) => {
      const region = await this.region();
      const buckets = (await this.buckets()).ofRegion(region);
      const access = { ...this.context.access, role: null };
      const meter = new CallMeter();
      const cognito = openCognito({ region, access, buckets, meter, retryPolicy: QUICK_CALLS });
      const listed: ListedPool[] = [];
      try {
        for await (const pool of cognito.listPools(signal)) listed.push(pool);
      } finally {
        cognito.close();
      }
      return listed;
    });

  /** What the service says of a pool. */
  readonly describe = (poolId: string): Promise<TargetPool> =>
    this.#once(`pool ${poolId}`, async (signal) => {
      const { role, region } = this.settingsOf(poolId);
      const access = { ...this.context.access, role };
      const buckets = await this.buckets();
      const deps = { region, access, buckets, retryPolicy: QUICK_CALLS, log: SILENT };
      return describeTarget(deps, poolId, new CallMeter(), signal);
    });

  /** Whose credentials are in use. Null: the service is not AWS, and the credentials exist. */
  readonly identity = (): Promise<CallerAnswer | null> =>
    this.#once('identity', async (signal) => {
      const { access } = this.context;
      if (!isServedElsewhere(access)) {
        return readCallerIdentity(access, await this.region(), signal);
      }
      await requireCredentials(access);
      return null;
    });

  /** The Region of calls that are about no pool. */
  readonly region = async (): Promise<string> => {
    const { pools } = this.config;
    const [first] = pools === 'all' ? [] : pools;
    const named = this.context.access.region ?? (await configuredRegion().catch(() => null));
    if (named !== null) return named;
    const parsed = first === undefined ? null : parsePool(first);
    return parsed !== null && 'poolId' in parsed
      ? this.settingsOf(parsed.poolId).region
      : 'us-east-1';
  };

  /** The buckets that calls pass: those in Redis, or this process's own if it cannot be used. */
  readonly buckets = (): Promise<AccountBuckets> =>
    this.#once('buckets', async () => {
      const allowances = resolveAllowances(this.config);
      const redis = await this.redis();
      const buckets =
        redis === null
          ? localAccountBuckets(allowances)
          : new AccountBuckets(
              (await import('../quota/clustered/limiter.ts')).clusteredBackend(redis, SILENT),
              allowances,
            );
      this.#closers.push(() => buckets.close());
      return buckets;
    });

  /** The archive of a pool, without a request to it yet. */
  readonly archiveOf = (poolId: string): Promise<Destination> => {
    const settings = this.settingsOf(poolId);
    const { archiveSse: encryption, archiveKmsKeyId: kmsKeyId } = this.config;
    const { archiveStorageClass: storageClass, archiveUrl } = settings;
    const storage = { storageClass, encryption, kmsKeyId };
    return this.#once(`${storageClass} ${archiveUrl}`, () =>
      openDestination(archiveUrl, { access: this.context.access, ...storage }),
    );
  };

  /** The archives of the pools by URL, with the mode of their locks. */
  readonly archives = async (): Promise<ReadonlyMap<string, ExaminedArchive>> => {
    if (!this.isUsable('ARCHIVE_URL')) return new Map();
    const poolIds = await this.poolIds();
    const found = new Map<string, ExaminedArchive>();
    // Without pools, the archive of those that have no settings of their own.
    for (const poolId of poolIds.length > 0 ? poolIds : ['']) {
      const { archiveUrl, archiveLock } = this.settingsOf(poolId);
      const lockMode = archiveLock?.mode ?? found.get(archiveUrl)?.lockMode ?? null;
      found.set(archiveUrl, { destination: await this.archiveOf(poolId), lockMode });
    }
    return found;
  };

  /** Tries the archive with every request that a snapshot makes. */
  readonly tryArchive = (url: string): Promise<ExaminedArchive> =>
    this.#once(`trial ${url}`, async (signal) => {
      const archive = (await this.archives()).get(url) as ExaminedArchive;
      await archive.destination.check(signal, archive.lockMode);
      return archive;
    });

  /** Stops what is being opened or tried. */
  stop(): void {
    this.#stop.abort();
  }

  /** Closes what the checks opened, the last first. */
  async close(): Promise<void> {
    this.stop();
    await Promise.allSettled(this.#opened.values());
    for (const close of this.#closers.reverse()) await Promise.resolve(close()).catch(() => {});
  }

  #end(session: ExaminedDatabase): ExaminedDatabase {
    this.#closers.push(() => session.end());
    return session;
  }

  #once<T>(name: string, open: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const known = this.#opened.get(name) as Promise<T> | undefined;
    const opening =
      known ?? open(AbortSignal.any([this.#stop.signal, AbortSignal.timeout(OPENING_MS)]));
    opening.catch(() => {});
    this.#opened.set(name, opening);
    return opening;
  }
}
