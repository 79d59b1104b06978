import { measureRates, readStatus, type Status } from '../runner/status.ts';
import type { DashboardDeps } from './deps.ts';
import type { Parts, RenderParts } from './live.ts';
import { type PoolOverview, readPoolOverviews } from './overview-data.ts';
import { HeldSnapshots } from './parts/held-snapshots.tsx';
import { PoolRows } from './parts/pool-rows.tsx';
import { Running } from './parts/running.tsx';
import type { Right } from './session.ts';

/** What the overview shows at one moment. */
export interface Overview {
  readonly status: Status;
  readonly pools: readonly PoolOverview[];
}

/** The ids of the elements that events replace. */
export const PART_IDS = { running: 'running', held: 'held', pools: 'pools' } as const;

/** How many readings back rates are measured, as `status --watch` does. */
const READINGS = 5;
/** Rows of pools change when a run does; ages are read again after this time. */
const POOLS_MS = 30_000;

/** Reads the overview. */
export async function readOverview({ db }: Pick<DashboardDeps, 'db'>): Promise<Overview> {
  const status = await readStatus(db, null);
  return { status, pools: await readPoolOverviews(db, status) };
}

/** Renders its parts, each as the content of an element. */
export async function renderParts(
  { status, pools }: Overview,
  deps: Pick<DashboardDeps, 'allowances'>,
  right: Right,
): Promise<Parts> {
  const parts = {
    [PART_IDS.held]: <HeldSnapshots status={status} right={right} />,
    [PART_IDS.running]: <Running status={status} pools={pools} allowances={deps.allowances} />,
    [PART_IDS.pools]: <PoolRows pools={pools} status={status} />,
  };
  const rendered = Object.entries(parts).map(
    async ([id, part]) => [id, String(await Promise.resolve(part))] as const,
  );
  return Object.fromEntries(await Promise.all(rendered));
}

/** Renders what changes, for all viewers of a right at once. */
export function openOverviewFeed(deps: DashboardDeps): RenderParts {
  const earlier: Status[] = [];
  let last: {
    readonly pools: readonly PoolOverview[];
    readonly mark: string;
    readonly at: number;
  } | null = null;
  return async (rights) => {
    const read = await readStatus(deps.db, null);
    const [before] = earlier;
    // Readings from before a pause do not show the rate.
    if (before && read.at.getTime() - before.at.getTime() > POOLS_MS) earlier.length = 0;
    const status = earlier[0] ? measureRates(read, earlier[0]) : read;
    earlier.push(read);
    if (earlier.length > READINGS) earlier.shift();
    const mark = markOf(status);
    const now = performance.now();
    if (last === null || last.mark !== mark || now - last.at > POOLS_MS) {
      last = { pools: await readPoolOverviews(deps.db, status), mark, at: now };
    }
    const overview = { status, pools: last.pools };
    const parts: Record<Right, Parts> = { act: {}, view: {} };
    for (const right of rights) parts[right] = await renderParts(overview, deps, right);
    return parts;
  };
}

/** Changes when a row of a pool does, apart from its age. */
function markOf({ pools, snapshots, schedules }: Status): string {
  return JSON.stringify([
    pools.map(({ poolId, lastAttempt }) => [poolId, lastAttempt?.endedAt]),
    snapshots.map(({ poolId, snapshot, state }) => [poolId, snapshot, state]),
    schedules.map(({ poolId, dueAt }) => [poolId, dueAt]),
  ]);
}
