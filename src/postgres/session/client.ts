import { userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { redactUrl } from '../../common/redact-url.ts';
import { completeUrl, readUrlParts } from '../../config/database-url.ts';
import { ActionRequiredError } from '../../model/errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { NO_PASSWORD } from '../connection-error.ts';
import {
  type AppliedSetting,
  applySettings,
  readSettings,
  type Settings,
  WORK,
} from './settings.ts';

/** How long a server may take to accept a connection. */
export const CONNECT_MS = 10_000;

/** The parameters of a URL for the driver: server, user and TLS. */
const OF_THE_DRIVER = /^(host|port|user|password|ssl\w*|uselibpqcompat)$/;

/** bigint becomes a number: no count here exceeds 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8
      ? Number
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

interface SessionConfig {
  readonly connectionString: string;
  /** The name of the session in `pg_stat_activity`, followed by the name in the URL. */
  readonly application_name: string;
  readonly settings?: Settings;
}

/**
 * A connection to Postgres with the settings that the program relies on. All connections of the program
 * are of this class. It sets them after it connects, so they override the role's defaults and the URL's
 * `options`, and work with poolers that refuse or ignore startup parameters. Behind a pooler it reads them
 * back. No environment variable counts.
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
    const { user = readSystemUser(), database = user, password } = readUrlParts(connectionString);
    const name = theirs ? `${application_name} (${theirs})` : application_name;
    super({
      // Without these the driver reads PGSSLMODE and PGSSLNEGOTIATION. The URL overrides them.
      ssl: false,
      sslnegotiation: 'postgres',
      connectionString: forDriver(connectionString, user),
      connectionTimeoutMillis: CONNECT_MS,
      // A server that vanished is noticed within minutes, not hours.
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      types,
    });
    // From the URL, the driver would take the name of a database with escapes such as `%40`.
    Object.assign(this, { database });
    // Otherwise the driver would use PGPASSWORD or a password file.
    if (password === undefined) Object.assign(this, { password: failWithout });
    this.#url = connectionString;
    this.#settings = { ...settings, application_name: name };
    this.#startup = { application_name: name, ...(options && { options }) };
    // A broken connection also fails its current or next statement, which reports the error.
    this.on('error', (error) => {
      this.#failure ??= error;
    });
  }

  /** The id of the server process of this session. */
  get backend(): number | null {
    return this.#backend;
  }

  /**
   * True behind a pooler: a pooler gives its clients its own cancel keys, while Postgres's own key has the
   * id of the server process.
   */
  get isPooled(): boolean {
    return this.#backend !== (this as unknown as { processID: number | null }).processID;
  }

  /** All startup parameters: the driver would add PGOPTIONS and PGREPLICATION. */
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
    try {
      await super.connect();
    } catch (error) {
      // A server that asked for a password would keep the connection open for a minute.
      this.end().catch(() => {});
      throw error;
    }
    try {
      const applied = await this.#apply();
      this.#backend = applied[0]?.backend ?? null;
      if (this.isPooled) await this.#requireKept(applied);
    } catch (error) {
      await this.end().catch(() => {});
      // If the server ended the session, its message says more than the driver's.
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

/** A pooler that assigns connections by transaction keeps neither settings nor locks. */
export function sharedBackends(url: string): ActionRequiredError {
  return new ActionRequiredError([
    {
      subject: `DATABASE_URL (${redactUrl(url)})`,
      problem:
        'the URL leads to a pooler in transaction or statement mode that keeps neither the settings nor the locks of a session.',
      remedy:
        "Connect to Postgres directly, or through the pooler's session mode (PgBouncer: pool_mode=session).",
    },
  ]);
}

/** The URL without what the driver must not see, and with all that it would look for elsewhere. */
function forDriver(text: string, user: string | undefined): string {
  const url = new URL(text);
  for (const name of [...url.searchParams.keys()]) {
    if (!OF_THE_DRIVER.test(name)) url.searchParams.delete(name);
  }
  return completeUrl(url.href, { host: 'localhost', port: '5432', user });
}

/** The user of this process; undefined for a user id without a name. */
function readSystemUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

/** What the driver calls if the server asks for a password and the URL has none. */
function failWithout(): never {
  throw Object.assign(new Error('no password'), { code: NO_PASSWORD });
}

/** too_many_connections: of the server, the database or the role. */
const NONE_LEFT = '53300';

/** A timeout of the role's defaults ended the session before its own settings applied. */
const CUT_SHORT = ['57P05', '25P04', '57014'];
const MOST_CUTS = 5;

/** How long to wait for a free connection. */
const PATIENCE_MS = 60_000;
const RETRY_MS = 250;

/** What to do while waiting for a connection. */
export interface Waiting {
  /** Gets one line if it has to wait. */
  readonly log?: Logger | undefined;
  /** Called before each retry; returns true if that try waits by itself. */
  readonly onNoneLeft?: () => boolean;
  /** How long it waits, in milliseconds. Default: a minute. */
  readonly patienceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Connects. If the server, the database or the role has no connection left, it waits for one.
 *
 * @throws the server's error, if no connection was free in time.
 */
export async function awaitConnection<T>(
  connect: () => Promise<T>,
  { log, onNoneLeft = () => false, patienceMs = PATIENCE_MS, signal }: Waiting = {},
): Promise<T> {
  const deadline = performance.now() + patienceMs;
  let cuts = 0;
  let logged = false;
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
    if (!logged) log?.warn('Postgres has no connection left: waiting up to a minute for one');
    logged = true;
    await sleep(RETRY_MS, undefined, { signal });
  }
}
