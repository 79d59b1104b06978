import type { ServerState } from '../dashboard/deps.ts';
import { createReadiness, type ReadinessChecks } from '../http/readiness.ts';

/** The checks of `/readyz`, for the page of health. */
export function serverStates(checks: ReadinessChecks): () => Promise<readonly ServerState[]> {
  const check = createReadiness(checks);
  return async () =>
    Object.entries((await check()).checks).map(([name, { problem }]) => ({
      name,
      problem: problem ?? null,
    }));
}
