import { openCognito } from '../../cognito/client.ts';
import { RETRY_POLICY } from '../../cognito/retry.ts';
import type { Pool } from '../../model/directory.ts';
import type { Run } from '../../postgres/store/leases.ts';
import { PageCommitter } from '../../postgres/store/page-committer.ts';
import type { SnapshotContext } from '../../snapshot/context.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { SnapshotProgress } from '../../telemetry/snapshot-progress.ts';
import { countCalls } from '../count-calls.ts';
import type { JobParts } from './parts.ts';

/** Measures the steps of a snapshot, as its progress passes them. */
export function stepsOf(metrics: Metrics): SnapshotProgress['onPhaseEnd'] {
  return (phase, seconds) => {
    if (phase !== 'done') metrics.step(phase, seconds);
  };
}

/** A job whose calls are throttled for longer gives its slot to others. */
export const RETRIES = { ...RETRY_POLICY, throttledForMs: 30_000 };

/** A snapshot that this process works on. */
export interface RunInHand {
  readonly context: SnapshotContext;
  /** Closes its connections to the service, and counts the calls that were made. */
  close(): Promise<void>;
}

/** Opens what the steps of a snapshot work with. */
export async function openRun(parts: JobParts, run: Run, pool: Pool): Promise<RunInHand> {
  const { db, log } = parts;
  const { role } = await parts.poolParts(run.poolId);
  const progress = new SnapshotProgress(run.poolId);
  progress.key = run;
  progress.onPhaseEnd = stepsOf(parts.metrics);
  const { meter } = progress;
  const buckets = parts.buckets.of(pool.accountId, pool.region);
  const cognito = openCognito({
    region: pool.region,
    role,
    buckets,
    meter,
    observer: parts.metrics,
    log,
    retryPolicy: RETRIES,
  });
  const committer = new PageCommitter(db, run);
  const stopCounting = countCalls(db, run, meter, log);
  return {
    context: { db, cognito, pool, run, committer, progress, log },
    async close() {
      cognito.close();
      await stopCounting();
    },
  };
}
