import type { DashboardActions } from '../dashboard/deps.ts';
import type { Mirror } from './mirror.ts';

/** What pages can do, in terms of the mirror. */
export function dashboardActions(mirror: Mirror): DashboardActions {
  return {
    release: (snapshot) => mirror.release(snapshot),
    discard: (snapshot) => mirror.discard(snapshot),
    trigger: (poolId) => mirror.trigger(poolId),
    examine: () => mirror.examine(),
    diff: (poolId, use, question) => mirror.diff(poolId, use, question),
  };
}
