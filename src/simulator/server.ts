import type { AddressInfo } from 'node:net';
import { AttemptLog } from './attempt-log.ts';
import { type Denial, Faults } from './faults.ts';
import { Random } from './generate/random.ts';
import { ApiHandler } from './handler.ts';
import { createHttpServer } from './http.ts';
import {
  DEFAULT_ACCOUNT,
  DEFAULT_POOL_ID,
  type PoolSpec,
  type SimulatorOptions,
} from './options.ts';
import { PageTokens } from './page-token.ts';
import { SimulatedPool } from './pool.ts';
import { type Bucket, DEFAULT_QUOTAS, Quotas } from './quota.ts';
import type { Operation } from './requests.ts';
import { createSettings } from './settings.ts';

/** A running simulator. */
export interface Simulator {
  /** The endpoint for an SDK client, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** The pools by id. Their methods read and change them, as the API does. */
  readonly pools: ReadonlyMap<string, SimulatedPool>;
  /** The pool with this id, or the first pool. Throws a RangeError if it does not exist. */
  pool(id?: string): SimulatedPool;
  /** The requests that arrived, refused ones included. */
  readonly attempts: AttemptLog;
  /** The faults; `faults.set()` replaces them while the simulator runs. */
  readonly faults: Faults;
  /** The operations that are denied. Changes apply to the next request. */
  readonly denied: Map<Operation, Denial>;
  /** Closes every connection and frees the port. May be called more than once. */
  close(): Promise<void>;
}

/**
 * Starts a server with the API of Amazon Cognito user pools on 127.0.0.1.
 *
 * @throws the system's error, such as EADDRINUSE, if the port cannot be used
 */
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
      account: options.account ?? DEFAULT_ACCOUNT,
      now,
      tokens: new PageTokens(seed, options.pageTokenTtlSeconds ?? 3600, now),
      faults,
      pageFill: options.pageFill ?? 1,
      random,
    },
    quotas: new Quotas(chooseQuotas(options), now),
    attempts,
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
    pool: (id) => findPool(pools, id),
    attempts,
    faults,
    denied,
    close: () =>
      new Promise((resolve) => {
        // Resolves as well if it is closed already.
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function createPools(options: SimulatorOptions, now: () => number): Map<string, SimulatedPool> {
  const pools = new Map<string, SimulatedPool>();
  for (const entry of options.pools ?? [DEFAULT_POOL_ID]) {
    const spec: PoolSpec = typeof entry === 'string' ? { id: entry } : entry;
    const { id, account = options.account ?? DEFAULT_ACCOUNT } = spec;
    const pool = new SimulatedPool({
      settings: createSettings(id, account, spec.settings),
      users: spec.users ?? options.users ?? 1000,
      groups: spec.groups ?? options.groups ?? 20,
      seed: spec.seed ?? options.seed ?? 1,
      largestShare: options.largestShare,
      secondDigit: options.secondDigit,
      usernames: options.usernames,
      now,
    });
    pools.set(id, pool);
  }
  return pools;
}

function chooseQuotas(options: SimulatorOptions): Readonly<Record<Bucket, number>> | null {
  if (options.rps === 0) return null;
  return { ...DEFAULT_QUOTAS, UserList: options.rps ?? DEFAULT_QUOTAS.UserList, ...options.quotas };
}

function findPool(
  pools: ReadonlyMap<string, SimulatedPool>,
  id: string | undefined,
): SimulatedPool {
  const pool = id === undefined ? [...pools.values()][0] : pools.get(id);
  if (pool === undefined)
    throw new RangeError(`The simulator has no pool${id === undefined ? '' : ` ${id}`}.`);
  return pool;
}
