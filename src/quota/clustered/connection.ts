import Bottleneck from 'bottleneck';
import scripts from 'bottleneck/lib/Scripts.js';
import type { Redis } from 'ioredis';
import { PermitTimes } from './permit-times.ts';
import { clusterScripts } from './scripts.ts';

type Callback = (error: Error | null, reply?: unknown) => void;

/** What `bottleneck.d.ts` leaves out: how a connection is used by limiters. */
interface Internals {
  readonly client: Redis;
  readonly subscriber: Redis;
  /** Limiters by the channels that they hear. */
  readonly limiters: Record<string, unknown>;
}

/** What `bottleneck.d.ts` leaves out of a limiter: its channels. */
interface Heard {
  channel(): string;
  channel_client(): string;
}

/**
 * Bottleneck would load ioredis, which it does not declare: installers that hide undeclared packages
 * (pnpm without hoisting, Yarn PnP) give it none. `bottleneck.d.ts` leaves this option out.
 */
const withClass = (client: Redis) => ({ client, Redis: client.constructor });

/**
 * The one connection to Redis of all clustered limiters of a process: Bottleneck's own, with
 * scripts on Redis's clock, able to recover when Redis loses its keys, and knowing when each
 * limiter's slot is due.
 */
export class ClusterConnection extends Bottleneck.IORedisConnection {
  readonly #slotTimes = new PermitTimes();
  readonly #due = new Map<string, number>();

  /** @param client becomes this connection's own, and is closed with it. */
  constructor(client: Redis) {
    super(withClass(client));
  }

  get clients(): Internals {
    return this as unknown as Internals;
  }

  get isReady(): boolean {
    return this.clients.client.status === 'ready';
  }

  /** When the slot is due that the limiter registered last, by `performance.now()`. */
  due(id: string): number {
    return this.#due.get(id) ?? Number.NEGATIVE_INFINITY;
  }

  /** Called by Bottleneck once both clients are ready. */
  _loadScripts(): void {
    for (const [name, lua] of clusterScripts()) this.clients.client.defineCommand(name, { lua });
  }

  /** Called by Bottleneck for the arguments of each script. */
  __scriptArgs__(name: string, id: string, args: unknown[], callback: Callback): unknown[] {
    const keys = scripts.keys(name, id);
    const askedAt = performance.now();
    const answered: Callback = (error, reply) => {
      // Redis 7 puts a word before the script's own error, which Bottleneck does not know: it
      // would not make its keys again once Redis has lost them.
      if (error) error.message = error.message.replace(/^ERR /, '');
      else if (name === 'register') this.#registered(id, askedAt, reply);
      callback(error, reply);
    };
    return [keys.length, ...keys, ...args, answered];
  }

  /** Called by Bottleneck for a limiter that ends; its own fails where Redis is away, and nobody hears. */
  __removeLimiter__(limiter: Heard): void {
    const { subscriber, limiters } = this.clients;
    for (const channel of [limiter.channel(), limiter.channel_client()]) {
      delete limiters[channel];
      subscriber.unsubscribe(channel).catch(() => {});
    }
  }

  #registered(id: string, askedAt: number, reply: unknown): void {
    const [, wait] = reply as [unknown, number];
    this.#due.set(id, this.#slotTimes.due({ askedAt, answeredAt: performance.now(), wait }));
  }
}
