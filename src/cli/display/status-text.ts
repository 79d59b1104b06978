import type { Status } from '../../runner/status.ts';
import { printable } from '../../telemetry/printable.ts';
import { cut } from './fit.ts';
import { requestLines, scheduleLines } from './status-requests.ts';
import { snapshotLines } from './status-snapshots.ts';
import { workerLines } from './status-workers.ts';

/**
 * Where everything stands, for a person, in lines of at most `width` columns: the workers, then pool
 * by pool its schedule, its snapshots, and what was asked for. What there is none of is not spoken of.
 */
export function statusText(status: Status, width: number): string {
  const { snapshots, schedules, requests } = status;
  const rows = [...snapshots, ...schedules, ...requests];
  const pools = [...new Set(rows.map(({ poolId }) => poolId))].sort();
  const sections = [workerLines(status, width), ...pools.map((id) => poolLines(status, id, width))];
  if (pools.length === 0) sections.push([NOTHING_YET]);
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line}\n`).join(''))
    .join('\n');
}

const NOTHING_YET = 'No snapshot was taken yet: `cognito-mirror sync POOL`.';

function poolLines(status: Status, poolId: string, width: number): string[] {
  return [
    cut(printable(poolId), width),
    ...scheduleLines(status, poolId, width),
    ...snapshotLines(status, poolId, width),
    ...requestLines(status, poolId, width),
  ];
}
