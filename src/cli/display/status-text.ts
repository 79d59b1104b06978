import { printable } from '../../common/printable.ts';
import type { Status } from '../../index.ts';
import { commandHint } from '../command-line.ts';
import { formatPool } from './status-pools.ts';
import { findHiddenColumns, formatSnapshots } from './status-snapshots.ts';
import { formatRequests, formatSchedules, formatWorkers } from './status-workers.ts';
import { truncate, wrap } from './text-width.ts';

/**
 * The status as text in lines of at most `width` columns: the workers, then for each pool its age, last
 * attempt, schedule, snapshots and requests. Empty parts are left out.
 */
export function formatStatus(status: Status, width: number): string {
  const { pools, snapshots, schedules, requests } = status;
  const rows = [...pools, ...snapshots, ...schedules, ...requests];
  const poolIds = [...new Set(rows.map(({ poolId }) => poolId))].sort();
  const sections = [
    formatWorkers(status, width),
    ...poolIds.map((id) => formatSection(status, id, width)),
  ];
  if (poolIds.length === 0) sections.push(formatNothingYet());
  const hidden = findHiddenColumns(snapshots, width);
  if (hidden.length > 0) {
    sections.push(
      wrap('', `Hidden at ${width} columns: ${hidden.join(', ')}. --json shows all.`, width),
    );
  }
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line}\n`).join(''))
    .join('\n');
}

const formatNothingYet = () => [
  'No snapshot was taken yet. To take one:',
  `  ${commandHint(['sync', 'POOL'])}`,
];

function formatSection(status: Status, poolId: string, width: number): string[] {
  return [
    truncate(printable(poolId), width),
    ...formatPool(status, poolId, width),
    ...formatSchedules(status, poolId, width),
    ...formatSnapshots(status, poolId, width),
    ...formatRequests(status, poolId, width),
  ];
}
