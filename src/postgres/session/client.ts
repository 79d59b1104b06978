import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { redactUrl } from '../../common/redact-url.ts';
import { ActionRequiredError } from '../../model/errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import {
  type AppliedSetting,
  applySettings,
  readSettings,
  type Settings,
  WORK,
} from './settings.ts';

/** A server that takes longer to accept a connection counts as away. */
export const CONNECT_MS = 10_000;

/** The parameters of a URL that say where the server is, who connects, and whether by TLS. */
const OF_THE_DRIVER = /^(host|port|user|password|ssl\w*|uselibpqcompat)$/;

/** Counts fit in a double: 2^53 rows are out of reach. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8
      ? Number
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

export interface SessionConfig {
  readonly connectionString: string;
  /** Names the session in `pg_stat_activity`, before a name that the URL has. */
  readonly application_name: string;
  readonly settings?: Settings;
}

/**
 * A connection to Postgres with the settings that the program relies on: the only kind there is.
 * They are set once it is connected, so a pooler that refuses or ignores startup parameters does no
 * harm, and neither the role's defaults nor the URL's `options` count. Behind a pooler they are read
 * back. Of the environment's PG* variables the driver takes PGHOST, PGPORT, PGUSER, PGPASSWORD,
 * PGPASSFILE and PGDATABASE, where the URL leaves these out, and no others.
 */
export class SessionClient extends pg.Client {
  readonly #url: string;
  readonly #settings: Settings;
  readonly #startup: Readonly<Record<string, string>>;
  #backend: number | null = null;
  #failure: Error | null = null;

  constructor({ connectionString, application_name, settings = WORK }: SessionConfig) {
    const { searchParams } = new URL(connectionString);
    const [theirs, options] = [searchParams.get('application_name'), searchParams.get('options')];
    const name = theirs ? `${application_name} (${theirs})` : application_name;
    super({
      // Without these the driver asks PGSSLMODE and PGSSLNEGOTIATION. What the URL says counts more.
      ssl: false,
      sslnegotiation: 'postgres',
      connectionString: forDriver(connectionString),
      connectionTimeoutMillis: CONNECT_MS,
      // A server that vanished is noticed within minutes, not hours.
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      types,
    });
    this.#url = connectionString;
    this.#settings = { ...settings, application_name: name };
    this.#startup = { application_name: name, ...(options && { options }) };
    // A connection that breaks fails its statement, or the next one; the event adds nothing to that.
    this.on('error', (error) => {
      this.#failure ??= error;
    });
  }

  /** The process that serves this session. */
  get backend(): number | null {
    return this.#backend;
  }

  /**
   * True where a pooler is in between: it gives its clients keys of its own for cancelling, and
   * Postgres's own key starts with the number of the process.
   */
  get isPooled(): boolean {
    return this.#backend !== (this as unknown as { processID: number | null }).processID;
  }

  /** All that the driver sends of itself: it would add PGOPTIONS and PGREPLICATION. */
  getStartupConf(): Record<string, unknown> {
    return { user: this.user, database: this.database, ...this.#startup };
  }

  override connect(): Promise<this>;
  override connect(
    callback: ((error: Error) => void) | ((error: null, client: pg.Client) => void),
  ): void;
  override connect(
    callback?: ((error: Error) => void) | ((error: null, client: pg.Client) => void),
  ): Promise<this> | undefined {
    const opening = this.#open();
    if (callback === undefined) return opening;
    const done = callback as (error: Error | null, client?: pg.Client) => void;
    opening.then(
      () => done(null, this),
      (error: Error) => done(error),
    );
    return undefined;
  }

  async #open(): Promise<this> {
    await super.connect();
    try {
      const applied = await this.#apply();
      this.#backend = applied[0]?.backend ?? null;
      if (this.isPooled) await this.#requireKept(applied);
    } catch (error) {
      await this.end().catch(() => {});
      // Where the server ended the session, its own words say more than the driver's.
      throw this.#failure ?? error;
    }
    return this;
  }

  async #apply(): Promise<AppliedSetting[]> {
    const results = (await this.query({
      text: applySettings(this.#settings),
      query_timeout: CONNECT_MS,
    } as pg.QueryConfig)) as unknown as pg.QueryResult<AppliedSetting>[];
    return results.at(-2)?.rows ?? [];
  }

  async #requireKept(applied: readonly AppliedSetting[]): Promise<void> {
    const { rows } = await this.query<AppliedSetting>(
      readSettings(applied.map(({ name }) => name)),
    );
    const isKept = applied.every(
      ({ backend, value }, i) => rows[i]?.backend === backend && rows[i]?.value === value,
    );
    if (!isKept) throw sharedBackends(this.#url);
  }
}

/** A pooler that shares out its connections by the transaction keeps neither settings nor locks. */
export function sharedBackends(url: string): ActionRequiredError {
  return new ActionRequiredError([
    {
      subject: `DATABASE_URL (${redactUrl(url)})`,
      problem:
        'a pooler in transaction or statement mode is in between: it keeps neither the settings nor the locks of a session.',
      remedy:
        "Connect to Postgres directly, or through the pooler's session mode (PgBouncer: pool_mode=session).",
    },
  ]);
}

function forDriver(text: string): string {
  const url = new URL(text);
  for (const name of [...url.searchParams.keys()]) {
    if (!OF_THE_DRIVER.test(name)) url.searchParams.delete(name);
  }
  return url.href;
}

/** too_many_connections: of the server, the database or the role. */
const NONE_LEFT = '53300';

/** A timeout of the role's defaults ended the session before its own settings counted. */
const CUT_SHORT = ['57P05', '25P04', '57014'];
const MOST_CUTS = 5;

/** How long a free connection is waited for. */
const PATIENCE_MS = 60_000;
const RETRY_MS = 250;

/** What is done meanwhile. */
export interface Waiting {
  /** Gets one line where a connection has to be waited for. */
  readonly log?: Logger | undefined;
  /** Called before each further try; true where that one waits by itself. */
  readonly onNoneLeft?: () => boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Connects, waiting for a free connection where the server, the database or the role has none left.
 *
 * @throws the refusal, where none was free within a minute.
 */
export async function awaitConnection<T>(
  connect: () => Promise<T>,
  { log, onNoneLeft = () => false, signal }: Waiting = {},
): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  let cuts = 0;
  let told = false;
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      signal?.throwIfAborted();
      const { code = '' } = error as { code?: string };
      if (CUT_SHORT.includes(code) && cuts < MOST_CUTS) {
        cuts += 1;
        continue;
      }
      if (code !== NONE_LEFT || performance.now() > deadline) throw error;
    }
    if (onNoneLeft()) continue;
    if (!told) log?.warn('Postgres has no connection left: waiting up to a minute for one');
    told = true;
    await sleep(RETRY_MS, undefined, { signal });
  }
}
