import pg from 'pg';
import type { Logger } from '../../telemetry/logger.ts';
import { awaitConnection, SessionClient } from './client.ts';
import { WORK } from './settings.ts';

/**
 * How long a connection is used. It keeps prepared statements, 130 kB for each snapshot whose pages it
 * committed, so a connection that is never idle would grow without limit.
 */
const LIFETIME_SECONDS = 300;

/** How long a pool that got no further connection waits before it tries again. */
const GROW_AFTER_MS = 60_000;

/** Limits for work that somebody waits for. By default there are none. */
export interface PoolLimits {
  /** The longest that one statement may take, in milliseconds. */
  readonly statementMs: number;
  /** The longest that a statement waits for a connection, in milliseconds. */
  readonly waitMs: number;
  /** A server is silent if a connection is in use for longer, in milliseconds: all of them are ended. */
  readonly silentMs: number;
}

type Callback = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  done: (release?: unknown) => void,
) => void;

/**
 * A pool of sessions. If the server, the database or the role allows fewer connections than its size, it
 * uses those that it has.
 */
export class SessionPool extends pg.Pool {
  readonly #size: number;
  readonly #log: Logger | undefined;
  readonly #waitMs: number | undefined;
  #growth: NodeJS.Timeout | undefined;
  #hasLogged = false;
  /** Unlike `totalCount`, it leaves out clients that still connect and may be refused. */
  readonly #connected = new Set<pg.PoolClient>();

  constructor(url: string, size: number, log?: Logger, limits?: PoolLimits) {
    const limited = limits && {
      settings: { ...WORK, statement_timeout: `${limits.statementMs}ms` },
      connectionTimeoutMillis: limits.waitMs,
    };
    super({
      Client: SessionClient as unknown as new () => pg.ClientBase,
      connectionString: url,
      max: size,
      maxLifetimeSeconds: LIFETIME_SECONDS,
      application_name: 'cognito-mirror',
      ...limited,
    });
    this.#size = size;
    this.#waitMs = limits?.waitMs;
    this.#log = log;
    // The pool reports idle connections that break. Each is replaced when one is needed.
    this.on('error', () => {});
    this.on('connect', (client) => void this.#connected.add(client));
    this.on('remove', (client) => void this.#connected.delete(client));
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<pg.PoolClient> | undefined {
    const connecting = awaitConnection(() => super.connect(), {
      log: this.#log,
      onNoneLeft: () => this.#useFewer(),
      patienceMs: this.#waitMs,
    });
    if (callback === undefined) return connecting;
    connecting.then(
      (client) => callback(undefined, client, (error) => client.release(error as Error)),
      (error: Error) => callback(error, undefined, () => {}),
    );
    return undefined;
  }

  /** @returns true if the pool has connections: the next request waits for one of them. */
  #useFewer(): boolean {
    const connections = this.#connected.size;
    this.options.max = Math.max(1, connections);
    clearTimeout(this.#growth);
    this.#growth = setTimeout(() => {
      this.options.max = this.#size;
    }, GROW_AFTER_MS).unref();
    if (connections === 0) return false;
    if (!this.#hasLogged) {
      this.#log?.info({ connections }, 'Postgres allows no more connections: using fewer');
    }
    this.#hasLogged = true;
    return true;
  }
}
