import type { Denial, FaultSettings } from './faults.ts';
import type { UsernameStyle } from './generate/usernames.ts';
import type { Bucket } from './quota.ts';
import type { PoolSettings } from './records.ts';
import type { Operation } from './requests.ts';

/** The pool of a simulator that is started without `pools`. */
export const DEFAULT_POOL_ID = 'us-east-1_Simulated';

/** The default AWS account of pools. */
export const DEFAULT_ACCOUNT = '123456789012';

/** A pool with settings of its own. Absent ones come from the options of the simulator. */
export interface PoolSpec {
  /** Such as `us-east-1_Ab12Cd34`. The part before the underscore is its Region. */
  readonly id: string;
  readonly account?: string;
  readonly users?: number;
  readonly groups?: number;
  readonly seed?: number;
  /** Settings that differ from those of a generated pool. */
  readonly settings?: Partial<Omit<PoolSettings, 'id' | 'region' | 'account' | 'arn'>>;
}

/** The options of a simulator. All have defaults. */
export interface SimulatorOptions {
  /** The port on 127.0.0.1. Default: 0, a free port. */
  readonly port?: number;
  /** The pools to serve, by id or with settings of their own. Default: `us-east-1_Simulated`. */
  readonly pools?: readonly (string | PoolSpec)[];
  /** The number of generated users in each pool. Default: 1,000. */
  readonly users?: number;
  /** The number of generated groups in each pool. Default: 20. */
  readonly groups?: number;
  /** The same seed generates the same pools. Default: 1. */
  readonly seed?: number;
  /** The share of the users in the largest generated group, 0 to 1. Default: 0.95. */
  readonly largestShare?: number;
  /** The AWS account of the pools, 12 digits. Default: `123456789012`. */
  readonly account?: string;
  /**
   * The quota of ListUsers and ListUsersInGroup in requests per second, for each account and Region.
   * 0 turns all quotas off. Default: 30, as in the service.
   */
  readonly rps?: number;
  /** Other quotas in requests per second. Default: those of the service. */
  readonly quotas?: Partial<Record<Bucket, number>>;
  /** The mean time to a response in milliseconds; each differs by up to a fifth. Default: 0. */
  readonly latencyMs?: number;
  /** How full pages are on average: over 0, up to 1. Default: 1. */
  readonly pageFill?: number;
  /** How long a page token is valid. Default: 3,600. */
  readonly pageTokenTtlSeconds?: number;
  /** Faults and how often they occur. Default: no faults. */
  readonly faults?: FaultSettings;
  /** The delay of the fault `slow` in milliseconds. Default: 3,000. */
  readonly slowMs?: number;
  /** Operations that are denied, and with which error. Default: no operations. */
  readonly deny?: Partial<Record<Operation, Denial>>;
  /** The access keys that are accepted. Default: any. */
  readonly accessKeys?: readonly string[];
  /** The second hex digit of every `sub`, 0 to 15, as in newer pools. Default: random. */
  readonly secondDigit?: number;
  /** The form of generated usernames. Default: chosen by the seed. */
  readonly usernames?: UsernameStyle;
  /** How many requests `attempts` keeps. Default: 100,000. */
  readonly attemptLogSize?: number;
  /** The clock for changes, tokens and quotas, in milliseconds since 1970. Default: the real time. */
  readonly now?: () => number;
}
