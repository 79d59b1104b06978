import type { HtmlEscapedString } from 'hono/utils/html';
import type { DashboardDeps } from './deps.ts';
import { Notice } from './layout.tsx';
import type { Parts, RenderParts } from './live.ts';
import type { Overview, OverviewReader } from './overview-reader.ts';
import { HeldSnapshots } from './parts/held-snapshots.tsx';
import { PoolRows } from './parts/pool-rows.tsx';
import { Running } from './parts/running.tsx';
import type { Right } from './session.ts';

/** The ids of the elements that events replace. */
export const PART_IDS = {
  problem: 'problem',
  running: 'running',
  held: 'held',
  pools: 'pools',
} as const;

/** Renders the parts of the overview, each as the content of an element. */
export function renderParts(
  { status, pools }: Overview,
  deps: Pick<DashboardDeps, 'allowances'>,
  right: Right,
): Promise<Parts> {
  return render({
    [PART_IDS.problem]: null,
    [PART_IDS.held]: <HeldSnapshots status={status} right={right} />,
    [PART_IDS.running]: <Running status={status} pools={pools} allowances={deps.allowances} />,
    [PART_IDS.pools]: <PoolRows pools={pools} status={status} />,
  });
}

/** Renders what changes, for all viewers of a right at once. */
export function renderFeed(
  reader: OverviewReader,
  deps: Pick<DashboardDeps, 'allowances'>,
): RenderParts {
  return async (rights) => {
    const overview = await reader.read();
    const rendered = [...rights].map(
      async (right) => [right, await renderParts(overview, deps, right)] as const,
    );
    return Object.fromEntries(await Promise.all(rendered));
  };
}

/** What viewers see while the overview cannot be read. The other parts stay as they are. */
export function renderProblem(): Promise<Parts> {
  return render({
    [PART_IDS.problem]: (
      <Notice kind="bad">
        The database does not answer, so this page is not current. It continues by itself once the
        database is back. The command <code>cognito-mirror status</code> shows the cause.
      </Notice>
    ),
  });
}

type Part = HtmlEscapedString | Promise<HtmlEscapedString> | null;

async function render(parts: Readonly<Record<string, Part>>): Promise<Parts> {
  const rendered = Object.entries(parts).map(
    async ([id, part]) => [id, part === null ? '' : String(await Promise.resolve(part))] as const,
  );
  return Object.fromEntries(await Promise.all(rendered));
}
