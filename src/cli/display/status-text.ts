import { printable, type Status } from '../../index.ts';
import { commandHint } from '../command-line.ts';
import { poolLines } from './status-pools.ts';
import { hiddenColumns, snapshotLines } from './status-snapshots.ts';
import { requestLines, scheduleLines, workerLines } from './status-workers.ts';
import { truncate, wrap } from './text-width.ts';

/**
 * Where everything stands, for a person, in lines of at most `width` columns: the workers, then pool
 * by pool its age and last attempt, its schedule, its snapshots and its requests. What there is none
 * of is left out.
 */
export function statusText(status: Status, width: number): string {
  const { pools, snapshots, schedules, requests } = status;
  const rows = [...pools, ...snapshots, ...schedules, ...requests];
  const poolIds = [...new Set(rows.map(({ poolId }) => poolId))].sort();
  const sections = [workerLines(status, width), ...poolIds.map((id) => linesOf(status, id, width))];
  if (poolIds.length === 0) sections.push(NOTHING_YET());
  const hidden = hiddenColumns(snapshots, width);
  if (hidden.length > 0) {
    sections.push(
      wrap('', `Not shown in ${width} columns: ${hidden.join(', ')}. --json has all.`, width),
    );
  }
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line}\n`).join(''))
    .join('\n');
}

const NOTHING_YET = () => [
  'No snapshot was taken yet. To take one:',
  `  ${commandHint(['sync', 'POOL'])}`,
];

function linesOf(status: Status, poolId: string, width: number): string[] {
  return [
    truncate(printable(poolId), width),
    ...poolLines(status, poolId, width),
    ...scheduleLines(status, poolId, width),
    ...snapshotLines(status, poolId, width),
    ...requestLines(status, poolId, width),
  ];
}
