import { openCognito } from '../../cognito/client.ts';
import { RETRY_POLICY } from '../../cognito/retry.ts';
import type { Pool } from '../../model/directory.ts';
import type { SnapshotLease } from '../../postgres/store/leases.ts';
import { PageCommitter } from '../../postgres/store/page-committer.ts';
import type { SnapshotContext } from '../../snapshot/context.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { SnapshotProgress } from '../../telemetry/snapshot-progress.ts';
import { countCalls } from '../count-calls.ts';
import type { JobDeps } from './parts.ts';

/** Measures the steps of a snapshot, as its progress passes them. */
export function createStepTimer(metrics: Metrics): SnapshotProgress['onPhaseEnd'] {
  return (phase, seconds) => {
    if (phase !== 'done') metrics.step(phase, seconds);
  };
}

/** A job whose calls are throttled for longer gives its slot to others. */
export const RETRIES = { ...RETRY_POLICY, throttledForMs: 30_000 };

/** A snapshot that this process works on. */
export interface SnapshotSession {
  readonly context: SnapshotContext;
  /** Closes its connections to the service, and counts the calls that were made. */
  close(): Promise<void>;
}

/** Opens what the steps of a snapshot work with. */
export async function openSnapshotSession(
  deps: JobDeps,
  lease: SnapshotLease,
  pool: Pool,
): Promise<SnapshotSession> {
  const { db, log } = deps;
  const { role } = await deps.poolParts(lease.poolId);
  const progress = new SnapshotProgress(lease.poolId);
  progress.key = lease;
  progress.onPhaseEnd = createStepTimer(deps.metrics);
  const { meter } = progress;
  const buckets = deps.buckets.of(pool.accountId, pool.region);
  const cognito = openCognito({
    region: pool.region,
    role,
    buckets,
    meter,
    observer: deps.metrics,
    log,
    retryPolicy: RETRIES,
  });
  const committer = new PageCommitter(db, lease);
  const stopCounting = countCalls(db, lease, meter, log);
  return {
    context: { db, cognito, pool, lease, committer, progress, log },
    async close() {
      cognito.close();
      await stopCounting();
    },
  };
}
