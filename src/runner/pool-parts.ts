import type { Destination } from '../archive/destination.ts';
import type { Role } from '../config/pool-settings.ts';

/** What one pool is mirrored with. */
export interface PoolParts {
  /** Null: the credentials of the environment. */
  readonly role: Role | null;
  /** Where the pool is read. */
  readonly region: string;
  readonly destination: Destination;
  /** The guard's share, 0 to 1. */
  readonly maxRemoved: number;
}

/** Gives what a pool is mirrored with; throws ConfigurationError where its archive is named wrongly. */
export type PoolPartsOf = (poolId: string) => Promise<PoolParts>;
