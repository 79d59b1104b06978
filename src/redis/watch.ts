import type { Redis } from 'ioredis';
import { bounded } from '../common/bounded.ts';
import { redactUrl } from '../common/redact-url.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type Command, dryRun } from './dry-run.ts';
import { explain, isRefusal, listCommands, type RedisProblem } from './redis-errors.ts';
import { getUsername, readGreeting } from './server-info.ts';

/** What keeps a process from using Redis now. */
export interface RedisTrouble extends RedisProblem {
  /** True where the connection is gone; false where Redis is there and refuses. */
  readonly isLost: boolean;
  readonly since: Date;
}

/**
 * Time between two looks. Each sends a few bytes on every connection, so that neither Redis's
 * `timeout` nor a proxy takes one for idle and cuts it.
 */
const LOOK_MS = 2_000;
/** A dry run without an answer for this long: Redis is frozen, or busy with a script. */
const SILENCE_MS = 7_000;
/**
 * A connection that is not ready for this long, with the main one ready, cannot be made. ioredis
 * waits up to three seconds between attempts.
 */
const STUCK_MS = 5_000;

/** What a command met counts until nothing was met for this long: more than one look. */
const MET_MS = 2_500;

/** These are sent by ioredis and `requireUsableRedis`, which can do without them. */
const OPTIONAL_COMMANDS = new Set(['client', 'config', 'hello']);

const LOST: RedisProblem = {
  problem: 'it is not reachable.',
  remedy: 'Start Redis, or restore the network.',
  passing: true,
};

interface Watched {
  /** Since when it has not been ready, by `performance.now()`; null while it is. */
  unreadySince: number | null;
  lastError: Error | null;
  /** Why it cannot be made. */
  refusal: RedisProblem | null;
}

/**
 * Watches every connection of a process to Redis, and says once in the log what is wrong: the loss
 * of the main connection, a connection that cannot be made, and commands that Redis refuses. The
 * commands that the process needs are tried again every two seconds (as a dry run), so that a cause
 * has its name within a few seconds, also while the process is idle.
 */
export class RedisWatch {
  readonly #url: string;
  readonly #log: Logger;
  readonly #main: Redis;
  readonly #watched = new Map<Redis, Watched>();
  readonly #listeners = { trouble: new Set<() => void>(), back: new Set<() => void>() };
  readonly #commands: Command[] = [];
  /** What the last dry run found. */
  #found: RedisProblem | null = null;
  /** What a command met lately, and when, by `performance.now()`. */
  #met: { readonly trouble: RedisProblem; readonly at: number } | null = null;
  #trouble: RedisTrouble | null = null;
  #mainReadyAt = performance.now();
  #isClosed = false;
  #isQuiet = false;
  #lookNow: () => void = () => {};

  constructor(url: string, main: Redis, log: Logger) {
    this.#url = url;
    this.#main = main;
    this.#log = log;
    this.add(main);
    // It answered a moment ago.
    this.#state(main).unreadySince = null;
    void this.#look();
  }

  get trouble(): RedisTrouble | null {
    return this.#trouble;
  }

  onTrouble(listener: () => void): void {
    this.#listeners.trouble.add(listener);
  }

  onBack(listener: () => void): void {
    this.#listeners.back.add(listener);
  }

  /** Watches a client, and each that it is duplicated to, by whatever library. */
  add(client: Redis): Redis {
    const own: Watched = { unreadySince: performance.now(), lastError: null, refusal: null };
    this.#watched.set(client, own);
    client.on('error', (error: Error) => {
      own.lastError = error;
      if ('command' in error) own.refusal = this.#explain(error);
      this.#update();
    });
    client.on('ready', () => {
      Object.assign(own, { unreadySince: null, lastError: null, refusal: null });
      if (client === this.#main) this.#mainReadyAt = performance.now();
      this.#update();
    });
    client.on('close', () => {
      own.unreadySince ??= performance.now();
      if (client === this.#main) this.#found = this.#met = null;
      this.#update();
    });
    client.on('end', () => this.#watched.delete(client));
    const duplicate = client.duplicate.bind(client);
    const sendCommand = client.sendCommand.bind(client);
    client.duplicate = (override) => this.add(duplicate(override));
    client.sendCommand = (command, stream) => {
      // Also of commands without a caller, such as ioredis's own SUBSCRIBE after a reconnect.
      command.promise.catch((error: unknown) => this.#meet(error, command.name));
      return sendCommand(command, stream);
    };
    return client;
  }

  /** Has these commands tried at every look from now on. */
  needs(commands: readonly Command[]): void {
    this.#commands.push(...commands);
  }

  /** Logs nothing while `work` runs, nor after its failure, which its caller reports. */
  async quietly(work: () => Promise<void>): Promise<void> {
    this.#isQuiet = true;
    await work();
    this.#isQuiet = false;
  }

  /** Ends every connection at once; commands that wait are rejected. */
  close(): void {
    this.#isClosed = true;
    this.#lookNow();
    for (const client of this.#watched.keys()) {
      // Between two attempts to connect, ioredis would leave commands waiting for ever.
      if (client.status === 'reconnecting') client.connect().catch(() => {});
      client.disconnect();
    }
  }

  async #look(): Promise<void> {
    const tryOut = bounded(
      () => dryRun(this.#main, this.#commands, getUsername(this.#url)),
      SILENCE_MS,
    );
    for (;;) {
      await this.#pause();
      if (this.#isClosed) return;
      await Promise.all([...this.#watched].map(([client, own]) => this.#lookAt(client, own)));
      if (this.#main.status === 'ready') {
        this.#found = await tryOut().catch((error: Error) => this.#explain(error));
      }
      this.#update();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS).unref();
      this.#lookNow = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #lookAt(client: Redis, own: Watched): Promise<void> {
    if (client.status === 'ready') {
      // Not waited for: behind a blocking command it may take ten seconds.
      if (client !== this.#main) client.ping().catch(() => {});
      return;
    }
    const { unreadySince } = own;
    if (unreadySince === null) return;
    // All were lost with the main one, and come back a little later.
    const since = Math.max(unreadySince, client === this.#main ? 0 : this.#mainReadyAt);
    if (performance.now() - since < STUCK_MS) return;
    const greeting = await readGreeting(this.#url);
    if (greeting?.startsWith('-')) {
      own.refusal = this.#explain(new Error(greeting.slice(1)));
    } else if (client !== this.#main && own.lastError !== null) {
      own.refusal ??= this.#explain(own.lastError);
    }
  }

  #meet(error: unknown, command: string): void {
    if (!isRefusal(error) || OPTIONAL_COMMANDS.has(command.toLowerCase())) return;
    this.#met = { trouble: this.#explain(error), at: performance.now() };
    // The dry run knows more than the error of a script, which does not name its commands.
    if (this.#trouble === null) this.#lookNow();
  }

  #explain(error: Error): RedisProblem {
    return explain(error, { user: getUsername(this.#url), commands: listCommands(error) });
  }

  #update(): void {
    if (this.#isClosed) return;
    const isLost = this.#state(this.#main).unreadySince !== null;
    const refused = [...this.#watched.values()].map(({ refusal }) => refusal);
    const before = this.#trouble;
    const refusal =
      this.#found ?? this.#metLately(before) ?? refused.find((each) => each !== null) ?? null;
    const now = refusal ?? (isLost ? LOST : null);
    if (before?.problem === now?.problem) return;
    this.#trouble = now && { ...now, isLost: refusal === null, since: before?.since ?? new Date() };
    this.#tell(before);
  }

  /** What a command met; while it goes on, it is the trouble that a dry run has found before. */
  #metLately(before: RedisTrouble | null): RedisProblem | null {
    if (this.#met === null || performance.now() - this.#met.at >= MET_MS) return null;
    return before === null || before.isLost ? this.#met.trouble : before;
  }

  #tell(before: RedisTrouble | null): void {
    if (!this.#isQuiet) this.#logTrouble();
    if (this.#trouble === null) for (const listener of this.#listeners.back) listener();
    else if (before === null) for (const listener of this.#listeners.trouble) listener();
  }

  #logTrouble(): void {
    const server = `Redis (${redactUrl(this.#url)})`;
    if (this.#trouble === null) {
      this.#log.info({ server }, 'a server is back: going on');
    } else if (this.#trouble.isLost) {
      this.#log.warn(
        { server },
        'a server was lost: waiting for it, with nothing asked of the service',
      );
    } else {
      const { problem, remedy } = this.#trouble;
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
