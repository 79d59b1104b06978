import type { Destination } from '../archive/destination.ts';
import { openDestination } from '../archive/open-destination.ts';
import type { AwsAccess } from '../aws/access.ts';
import type { Config } from '../config/config.ts';
import { resolvePoolSettings } from '../config/pool-settings.ts';
import type { Problem } from '../model/errors.ts';
import { findDatabase } from '../postgres/database.ts';
import { openExamined } from '../postgres/open-examined.ts';

import { inspectSchemas } from '../postgres/own-schemas.ts';
import type { SessionClient } from '../postgres/session/client.ts';
import type { RedisConnection } from '../redis/connection.ts';

/** What an examination starts from. */
export interface DoctorContext {
  /** The settings that are right; the others have their defaults. */
  readonly config: Config;
  readonly access: AwsAccess;
  /** The settings that are wrong. */
  readonly problems: readonly Problem[];
  /** Their variables. Nothing that depends on one of them is examined. */
  readonly unusable: ReadonlySet<string>;
  /** The environment variables, for what other programs read of them. Empty for a library. */
  readonly env: NodeJS.ProcessEnv;
}

/** How long opening a server may take. A check may take longer: others may open it first. */
const OPENING_MS = 10_000;

/** What the checks look at. What several of them need is opened once, on first use. */
export class Surroundings {
  readonly context: DoctorContext;
  readonly #stop = new AbortController();
  readonly #closers: (() => unknown)[] = [];
  readonly #opened = new Map<string, Promise<unknown>>();

  constructor(context: DoctorContext) {
    this.context = context;
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
  readonly openPostgres = (): Promise<SessionClient | null> =>
    this.#once('postgres', async (signal) => {
      const { databaseUrl } = this.config;
      if (databaseUrl !== null) return this.#end(await openExamined(databaseUrl, signal));
      const embedded = await findDatabase(this.config, signal);
      if (embedded === null) return null;
      this.#closers.push(() => embedded.close());
      return this.#end(await openExamined(embedded.url, signal));
    });

  /** The same; null also if it cannot be used, which is the result of another check. */
  readonly postgres = async (): Promise<SessionClient | null> =>
    this.isUsable('DATABASE_URL') ? this.openPostgres().catch(() => null) : null;

  /** The database if it has a mirror. */
  readonly mirror = async (): Promise<SessionClient | null> => {
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

  /** The pools to examine; none if `all` cannot be listed, which is the result of another check. */
  readonly poolIds = async (): Promise<readonly string[]> => {
    const { pools } = this.config;
    return pools === 'all' ? this.listPools().catch(() => []) : pools;
  };

  /** Every pool of the account and Region, and those of the file. */
  readonly listPools = (): Promise<readonly string[]> => Promise.resolve([]);

  /** The archive of a pool, without a request to it yet. */
  readonly archiveOf = (poolId: string): Promise<Destination> => {
    const settings = resolvePoolSettings(this.config, poolId);
    const { archiveSse: encryption, archiveKmsKeyId: kmsKeyId } = this.config;
    const { archiveStorageClass: storageClass, archiveUrl } = settings;
    const storage = { storageClass, encryption, kmsKeyId };
    return this.#once(`${storageClass} ${archiveUrl}`, () =>
      openDestination(archiveUrl, { access: this.context.access, ...storage }),
    );
  };

  /** Closes what the checks opened, the last first. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#opened.values());
    for (const close of this.#closers.reverse()) await Promise.resolve(close()).catch(() => {});
  }

  #end(session: SessionClient): SessionClient {
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
