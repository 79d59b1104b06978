import type { AddressInfo } from 'node:net';
import { AttemptLog } from './attempt-log.ts';
import { DEFAULT_ACCOUNT, DEFAULT_POOL_ID } from './defaults.ts';
import type { Denial } from './denial.ts';
import { type FaultSettings, Faults } from './faults.ts';
import { Random } from './generate/random.ts';
import type { UsernameStyle } from './generate/usernames.ts';
import { ApiHandler } from './handler.ts';
import { createHttpServer } from './http.ts';
import { PageTokens } from './page-token.ts';
import { SimulatedPool } from './pool.ts';
import { type Bucket, DEFAULT_QUOTAS, Quotas } from './quota.ts';
import type { Operation } from './requests.ts';

/** One pool, where it differs from the options of all. */
export interface PoolSpec {
  readonly id: string;
  readonly account?: string;
  readonly users?: number;
  readonly groups?: number;
  readonly seed?: number;
}

/** How to simulate. Everything has a default; sizes and seed are each pool's unless it has its own. */
export interface SimulatorOptions {
  /** The port on 127.0.0.1; a free one where 0 or absent. */
  readonly port?: number;
  readonly pools?: readonly (string | PoolSpec)[];
  /** Generated users of each pool: 1,000. */
  readonly users?: number;
  /** Generated groups of each pool: 20. */
  readonly groups?: number;
  readonly seed?: number;
  /** The share of the users in the largest generated group: 0.95. */
  readonly largestShare?: number;
  readonly account?: string;
  /** Requests a second of the UserList bucket, 30; 0 lifts every quota. */
  readonly rps?: number;
  /** Requests a second of single buckets, where they differ from the service's. */
  readonly quotas?: Partial<Record<Bucket, number>>;
  readonly latencyMs?: number;
  /** How full pages are on average, over 0 up to 1. */
  readonly pageFill?: number;
  readonly pageTokenTtlSeconds?: number;
  readonly faults?: FaultSettings;
  /** What the fault `slow` adds to an answer: 3,000 ms. */
  readonly slowMs?: number;
  /** Operations that are refused, and how. */
  readonly deny?: Partial<Record<Operation, Denial>>;
  /** The access keys that are known; every key is where absent. */
  readonly accessKeys?: readonly string[];
  /** Every sub's second hex digit, 0 to 15, as newer pools look; random where absent. */
  readonly secondDigit?: number;
  /** What native users are called; by the seed where absent. */
  readonly usernames?: UsernameStyle;
  /** How many attempts the log keeps: 100,000. */
  readonly attemptLogSize?: number;
  /** Milliseconds since 1970 for changes, tokens and quotas; for tests that move time. */
  readonly now?: () => number;
}

/** A running simulator. */
export interface Simulator {
  /** The endpoint for an SDK, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** The pools, open to reading and to the same changes as the API makes. */
  readonly pools: ReadonlyMap<string, SimulatedPool>;
  /** The pool of this id, or the first. Throws a RangeError where there is none. */
  pool(id?: string): SimulatedPool;
  readonly attempts: AttemptLog;
  readonly faults: Faults;
  /** Operations that are refused now; may be changed. */
  readonly denied: Map<Operation, Denial>;
  /** Cuts every connection and frees the port; may be called again. */
  close(): Promise<void>;
}

/** Starts a Cognito API server on loopback. Rejects where the port is taken. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const seed = options.seed ?? 1;
  const now = options.now ?? (() => performance.timeOrigin + performance.now());
  const pools = createPools(options, now);
  const attempts = new AttemptLog(options.attemptLogSize ?? 100_000);
  const faults = new Faults(seed, options.faults ?? {});
  const random = new Random(seed ^ 0x51a7);
  const denied = new Map(Object.entries(options.deny ?? {}) as [Operation, Denial][]);
  const handler = new ApiHandler({
    services: {
      pools,
      tokens: new PageTokens(seed, options.pageTokenTtlSeconds ?? 3600, now),
      faults,
      pageFill: options.pageFill ?? 1,
      random,
    },
    quotas: new Quotas(quotaRates(options), now),
    attempts,
    account: options.account ?? DEFAULT_ACCOUNT,
    denied,
    accessKeys: options.accessKeys,
  });
  const server = createHttpServer({
    handler,
    attempts,
    faults,
    random,
    latencyMs: options.latencyMs ?? 0,
    slowMs: options.slowMs ?? 3000,
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    pools,
    pool: (id) => poolOf(pools, id),
    attempts,
    faults,
    denied,
    close: () =>
      new Promise((resolve) => {
        // An error says that it was closed before.
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function createPools(options: SimulatorOptions, now: () => number): Map<string, SimulatedPool> {
  const pools = new Map<string, SimulatedPool>();
  for (const entry of options.pools ?? [DEFAULT_POOL_ID]) {
    const spec: PoolSpec = typeof entry === 'string' ? { id: entry } : entry;
    const pool = new SimulatedPool({
      id: spec.id,
      account: spec.account ?? options.account ?? DEFAULT_ACCOUNT,
      users: spec.users ?? options.users ?? 1000,
      groups: spec.groups ?? options.groups ?? 20,
      seed: spec.seed ?? options.seed ?? 1,
      largestShare: options.largestShare,
      secondDigit: options.secondDigit,
      usernames: options.usernames,
      now,
    });
    pools.set(spec.id, pool);
  }
  return pools;
}

function quotaRates(options: SimulatorOptions): Readonly<Record<Bucket, number>> | null {
  if (options.rps === 0) return null;
  return { ...DEFAULT_QUOTAS, UserList: options.rps ?? DEFAULT_QUOTAS.UserList, ...options.quotas };
}

function poolOf(pools: ReadonlyMap<string, SimulatedPool>, id: string | undefined): SimulatedPool {
  const pool = id === undefined ? [...pools.values()][0] : pools.get(id);
  if (pool === undefined) throw new RangeError(`The simulator has no pool ${id ?? 'at all'}.`);
  return pool;
}
