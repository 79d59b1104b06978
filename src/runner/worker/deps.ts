import type { AllowedSigners } from '../../signature/allowed-signers.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { Tracing } from '../../telemetry/tracing.ts';
import type { PoolDeps } from '../describe-pool.ts';
import type { SessionDeps } from '../session.ts';
import { LaterError } from './failures.ts';
import type { Queues } from './queues.ts';
import type { QuotaLocks } from './quota-locks.ts';

/** What the jobs work with. */
export interface JobDeps extends SessionDeps {
  readonly queues: Queues;
  readonly quota: QuotaLocks;
  readonly metrics: Metrics;
  /**
   * The settings of a pool; null if this worker is not configured for it, and so does not know its role
   * and archive.
   */
  readonly poolDeps: (poolId: string) => Promise<PoolDeps | null>;
  /** Null: archives are not verified. */
  readonly verification: VerificationSettings | null;
  /** Absent while traces are off. */
  readonly tracing?: Tracing | null;
}

/** How workers verify archives. */
export interface VerificationSettings {
  /** In how many parts the objects of an archive are read, one a day. */
  readonly subsets: number;
  /** The keys that may sign. Null: any key may. */
  readonly signers: AllowedSigners | null;
  /** True if every document must be signed; false: those from the first signed one on. */
  readonly needsSignatures: boolean;
}

/** How long a job of an unknown pool waits before a worker looks at it again. */
const UNKNOWN_POOL_MS = 15_000;

/** @throws LaterError if this worker is not configured for the pool: it leaves the job to others. */
export async function requirePoolDeps({ poolDeps }: JobDeps, poolId: string): Promise<PoolDeps> {
  const settings = await poolDeps(poolId);
  if (settings !== null) return settings;
  const problem = `The worker that took the job is not configured for ${poolId}.`;
  throw new LaterError(problem, UNKNOWN_POOL_MS);
}
