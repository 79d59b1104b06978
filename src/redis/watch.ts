import type { Redis } from 'ioredis';
import { bounded } from '../common/bounded.ts';
import { redactUrl } from '../common/redact-url.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type Command, dryRun } from './dry-run.ts';
import {
  explainRedisError,
  isLoading,
  isRefusal,
  listCommands,
  type RedisProblem,
} from './redis-errors.ts';
import { getUsername, readGreeting } from './server-info.ts';

/** Why a process cannot use Redis now. */
export interface RedisOutage extends RedisProblem {
  /** True if the connection is lost; false if Redis answers with refusals. */
  readonly isLost: boolean;
  readonly since: Date;
}

/**
 * The time between two checks. Each sends a few bytes on every connection, so that Redis's `timeout`
 * and proxies do not cut idle ones.
 */
const CHECK_MS = 2_000;
/** After this long without an answer to a dry run, Redis is frozen or busy with a script. */
const SILENCE_MS = 7_000;
/**
 * A connection that is not ready for this long, while the main one is, cannot be established. ioredis
 * waits up to three seconds between attempts.
 */
const STUCK_MS = 5_000;

/** How long the refusal of a command counts after its last repetition: longer than one check. */
const REFUSAL_MS = 2_500;

/** Sent by ioredis and `requireUsableRedis`, which work without them. */
const OPTIONAL_COMMANDS = new Set(['client', 'config', 'hello']);

const LOST: RedisProblem = {
  problem: 'the server is not reachable.',
  remedy: 'Start Redis, or fix the network.',
  temporary: true,
};

interface Watched {
  /** When it stopped being ready, by `performance.now()`; null while it is ready. */
  unreadySince: number | null;
  lastError: Error | null;
  /** Why it cannot be established. */
  refusal: RedisProblem | null;
}

/**
 * Watches every connection of a process to Redis, and logs each outage once: the loss of the main
 * connection, a connection that cannot be established, and commands that Redis refuses. A dry run
 * checks the commands that the process needs every two seconds, so that the log names a cause within
 * seconds, also while the process is idle.
 */
export class RedisWatch {
  readonly #url: string;
  readonly #log: Logger;
  readonly #main: Redis;
  readonly #watched = new Map<Redis, Watched>();
  readonly #listeners = { outage: new Set<() => void>(), recovery: new Set<() => void>() };
  readonly #commands: Command[] = [];
  /** The result of the last dry run. */
  #dryRunProblem: RedisProblem | null = null;
  /** The last refusal of a command, and when, by `performance.now()`. */
  #refusal: { readonly problem: RedisProblem; readonly at: number } | null = null;
  #outage: RedisOutage | null = null;
  #mainReadyAt = performance.now();
  #isClosed = false;
  #isQuiet = false;
  #checkNow: () => void = () => {};

  constructor(url: string, main: Redis, log: Logger) {
    this.#url = url;
    this.#main = main;
    this.#log = log;
    this.add(main);
    // `awaitRedis` had an answer a moment ago.
    this.#state(main).unreadySince = null;
    void this.#checkAgain();
  }

  get outage(): RedisOutage | null {
    return this.#outage;
  }

  onOutage(listener: () => void): void {
    this.#listeners.outage.add(listener);
  }

  onRecovery(listener: () => void): void {
    this.#listeners.recovery.add(listener);
  }

  /** Watches a client and all its duplicates, including those that libraries make. */
  add(client: Redis): Redis {
    const own: Watched = { unreadySince: performance.now(), lastError: null, refusal: null };
    this.#watched.set(client, own);
    client.on('error', (error: Error) => {
      own.lastError = error;
      if ('command' in error && !isLoading(error)) own.refusal = this.#explain(error);
      this.#update();
    });
    client.on('ready', () => {
      Object.assign(own, { unreadySince: null, lastError: null, refusal: null });
      if (client === this.#main) this.#mainReadyAt = performance.now();
      this.#update();
    });
    client.on('close', () => {
      own.unreadySince ??= performance.now();
      if (client === this.#main) this.#forgetRefusals();
      this.#update();
    });
    client.on('end', () => this.#watched.delete(client));
    const duplicate = client.duplicate.bind(client);
    const sendCommand = client.sendCommand.bind(client);
    client.duplicate = (override) => this.add(duplicate(override));
    client.sendCommand = (command, stream) => {
      // Also for commands without a caller, such as ioredis's own SUBSCRIBE after a reconnect.
      command.promise.catch((error: unknown) => this.#recordRefusal(error, command.name));
      return sendCommand(command, stream);
    };
    return client;
  }

  /** Includes these commands in every check from now on. */
  addCommands(commands: readonly Command[]): void {
    this.#commands.push(...commands);
  }

  /** Logs nothing while `work` runs. If it fails, its caller reports that, so the log stays off. */
  async quietly(work: () => Promise<void>): Promise<void> {
    this.#isQuiet = true;
    await work();
    this.#isQuiet = false;
  }

  /** Closes every connection at once. Waiting commands are rejected. */
  close(): void {
    this.#isClosed = true;
    this.#checkNow();
    for (const client of this.#watched.keys()) {
      // Between two attempts to connect, ioredis would never reject waiting commands.
      if (client.status === 'reconnecting') client.connect().catch(() => {});
      client.disconnect();
    }
  }

  async #checkAgain(): Promise<void> {
    const check = bounded(
      () => dryRun(this.#main, this.#commands, getUsername(this.#url)),
      SILENCE_MS,
    );
    for (;;) {
      await this.#pause();
      if (this.#isClosed) return;
      await Promise.all(
        [...this.#watched].map(([client, own]) => this.#checkConnection(client, own)),
      );
      if (this.#main.status === 'ready') {
        this.#dryRunProblem = await check().catch((error: Error) => this.#explain(error));
      }
      this.#update();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, CHECK_MS).unref();
      this.#checkNow = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #checkConnection(client: Redis, own: Watched): Promise<void> {
    if (client.status === 'ready') {
      // Without waiting: behind a blocking command the answer may take ten seconds.
      if (client !== this.#main) client.ping().catch(() => {});
      return;
    }
    const { unreadySince } = own;
    if (unreadySince === null) return;
    const isMain = client === this.#main;
    // All are lost with the main one, and return a little later.
    if (!isMain && this.#main.status !== 'ready') return;
    const since = Math.max(unreadySince, isMain ? 0 : this.#mainReadyAt);
    if (performance.now() - since < STUCK_MS) return;
    const greeting = await readGreeting(this.#url);
    if (greeting?.startsWith('-')) {
      own.refusal = this.#explain(new Error(greeting.slice(1)));
    } else if (!isMain && own.lastError !== null) {
      own.refusal ??= this.#explain(own.lastError);
    }
  }

  /** Refusals before a loss say nothing about the server that comes back. */
  #forgetRefusals(): void {
    this.#dryRunProblem = this.#refusal = null;
    for (const own of this.#watched.values()) own.refusal = null;
  }

  #recordRefusal(error: unknown, command: string): void {
    if (!isRefusal(error) || isLoading(error)) return;
    if (OPTIONAL_COMMANDS.has(command.toLowerCase())) return;
    this.#refusal = { problem: this.#explain(error), at: performance.now() };
    // A dry run names the commands that the error of a script leaves out.
    if (this.#outage === null) this.#checkNow();
  }

  #explain(error: Error): RedisProblem {
    return explainRedisError(error, {
      user: getUsername(this.#url),
      commands: listCommands(error),
    });
  }

  #update(): void {
    if (this.#isClosed) return;
    const isLost = this.#state(this.#main).unreadySince !== null;
    const refused = [...this.#watched.values()].map(({ refusal }) => refusal);
    const before = this.#outage;
    const refusal =
      this.#dryRunProblem ??
      this.#findRecentRefusal(before) ??
      refused.find((each) => each !== null) ??
      null;
    const now = refusal ?? (isLost ? LOST : null);
    if (before?.problem === now?.problem) return;
    this.#outage = now && { ...now, isLost: refusal === null, since: before?.since ?? new Date() };
    this.#report(before);
  }

  /** The refusal of a command. While it repeats, the cause that a dry run found stays. */
  #findRecentRefusal(before: RedisOutage | null): RedisProblem | null {
    if (this.#refusal === null || performance.now() - this.#refusal.at >= REFUSAL_MS) return null;
    return before === null || before.isLost ? this.#refusal.problem : before;
  }

  #report(before: RedisOutage | null): void {
    if (!this.#isQuiet) this.#logOutage();
    if (this.#outage === null) for (const listener of this.#listeners.recovery) listener();
    else if (before === null) for (const listener of this.#listeners.outage) listener();
  }

  #logOutage(): void {
    const server = `Redis (${redactUrl(this.#url)})`;
    if (this.#outage === null) {
      this.#log.info({ server }, 'reconnected to a server: resuming');
    } else if (this.#outage.isLost) {
      this.#log.warn(
        { server },
        'lost the connection to a server: pausing calls to Cognito until it is back',
      );
    } else {
      const { problem, remedy } = this.#outage;
      this.#log.warn(
        { server, problem, remedy },
        'Redis refuses commands: pausing calls to Cognito until this is fixed',
      );
    }
  }

  #state(client: Redis): Watched {
    return this.#watched.get(client) ?? { unreadySince: 0, lastError: null, refusal: null };
  }
}
