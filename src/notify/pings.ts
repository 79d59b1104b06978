import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../telemetry/logger.ts';
import type { WorkRecorder } from '../telemetry/metrics-work.ts';
import { findProblem, type PostResult, post } from '../web/post.ts';
import type { ProxyVariables } from '../web/proxy.ts';

/** What pings are sent with. */
export interface PingDeps {
  /** The URL of a pool's check, which is a secret. Null: the pool has none. */
  readonly urlOf: (poolId: string) => string | null;
  readonly proxies?: ProxyVariables | undefined;
  readonly log: Logger;
  /** Counts each ping; absent if this process serves no metrics. */
  readonly metrics?: Pick<WorkRecorder, 'recordPing'> | undefined;
}

/** The signals of the Healthchecks protocol. */
export type PingSignal = 'start' | 'success' | 'fail';

/** A ping of a pool's check. */
export interface Ping {
  readonly poolId: string;
  readonly signal: PingSignal;
  /** The id that is the same at the start and the end of a run; null outside a run. */
  readonly runId: string | null;
  /** Gives the body. */
  readonly summarize?: () => Promise<string>;
}

const TIMEOUT_MS = 5_000;
/** Before the second and third attempt. */
const RETRY_AFTER_MS = [1_000, 3_000];
const TOO_MANY = 429;

/**
 * Pings dead man's switches in the protocol of Healthchecks. No run waits for a ping: each is sent in the
 * background, after the ones before it of its pool.
 */
export class Pings {
  readonly #deps: PingDeps;
  readonly #stop = new AbortController();
  readonly #last = new Map<string, Promise<void>>();

  constructor(deps: PingDeps) {
    this.#deps = deps;
  }

  send(ping: Ping): void {
    const url = this.#deps.urlOf(ping.poolId);
    if (url === null) return;
    const before = this.#last.get(ping.poolId);
    const sending = Promise.resolve(before).then(() => this.#send(new URL(url), ping));
    this.#last.set(ping.poolId, sending);
  }

  /** Waits until every ping is sent or has failed, for at most so many milliseconds. */
  async settle(milliseconds: number): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), milliseconds);
    await Promise.all(this.#last.values());
    clearTimeout(timer);
  }

  async #send(base: URL, { poolId, signal, runId, summarize }: Ping): Promise<void> {
    const { proxies, log, metrics } = this.#deps;
    const url = formatPingUrl(base, signal, runId);
    const body = (await summarize?.().catch(() => '')) ?? '';
    let result = await this.#attempt(url, body, proxies);
    for (const wait of RETRY_AFTER_MS) {
      if (!isTemporary(result) || this.#stop.signal.aborted) break;
      await sleep(wait, undefined, { signal: this.#stop.signal }).catch(() => {});
      result = await this.#attempt(url, body, proxies);
    }
    const problem = findProblem(result);
    metrics?.recordPing(problem === null ? 'sent' : 'failed');
    if (problem !== null) log.warn({ poolId, ping: signal, problem }, 'a ping failed');
  }

  #attempt(url: URL, body: string, proxies: ProxyVariables | undefined): Promise<PostResult> {
    const { signal } = this.#stop;
    return post({ url, body, allowPrivate: true, timeoutMs: TIMEOUT_MS, proxies, signal });
  }
}

/** True if another attempt may succeed. */
function isTemporary(result: PostResult): boolean {
  return 'failure' in result || result.status >= 500 || result.status === TOO_MANY;
}

/** `URL/start`, `URL` or `URL/fail`, with the id of the run as `rid`. */
export function formatPingUrl(base: URL, signal: PingSignal, runId: string | null): URL {
  const url = new URL(base);
  if (signal !== 'success') url.pathname = `${url.pathname.replace(/\/$/, '')}/${signal}`;
  if (runId !== null) url.searchParams.set('rid', runId);
  return url;
}
