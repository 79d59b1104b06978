import type { Status } from '../../runner/status.ts';
import { printable } from '../../telemetry/printable.ts';
import { formatCount } from './format.ts';
import { formatSpan, fromNow } from './moments.ts';
import { Table } from './table.ts';
import { wrap } from './wrap.ts';

type Worker = Status['workers'][number];

/** How many workers are shown one by one: those that need a look come first. */
const MOST = 8;

const COLUMNS = [
  { name: 'worker' },
  { name: 'state' },
  { name: 'jobs', align: 'right' },
  { name: 'seen' },
  { name: 'up', align: 'right' },
  { name: 'version' },
] as const;

/** The workers, in lines of at most `width` columns; none where there is nothing for them to do. */
export function workerLines(status: Status, width: number): string[] {
  const { at, workers, schedules, requests } = status;
  const alive = workers.filter((worker) => worker.alive).length;
  const isAwaited = schedules.length > 0 || requests.some(({ endedAt }) => endedAt === null);
  const lines: string[] = [];
  if (alive === 0 && isAwaited) {
    lines.push(
      ...wrap('', 'No worker is alive, so nothing is begun: start `cognito-mirror worker`.', width),
    );
  }
  if (workers.length === 0) return lines;
  const lost = workers.length - alive;
  const shown = workers.slice(0, MOST);
  const rows = shown.map((worker) => row(worker, at));
  const table = new Table(COLUMNS, rows, width);
  lines.push(
    `workers: ${formatCount(alive)} alive${lost > 0 ? `, ${formatCount(lost)} lost` : ''}`,
    ...`${table.header}${table.rows(rows)}`.trimEnd().split('\n'),
  );
  if (workers.length > MOST) lines.push(`  … and ${formatCount(workers.length - MOST)} more`);
  for (const worker of shown) {
    if (worker.alive && worker.trouble !== null) {
      lines.push(...wrap('  ', printable(`${nameOf(worker)}: ${worker.trouble}`), width));
    }
  }
  return lines;
}

function row(worker: Worker, at: Date): string[] {
  return [
    nameOf(worker),
    stateOf(worker),
    // What a lost one had in hand, others have by now.
    worker.alive ? formatCount(worker.jobs) : '',
    fromNow(worker.seenAt, at),
    worker.alive ? formatSpan((at.getTime() - worker.startedAt.getTime()) / 1000) : '',
    worker.version,
  ];
}

function stateOf({ alive, trouble }: Worker): string {
  if (!alive) return 'lost';
  return trouble === null ? 'alive' : 'in trouble';
}

function nameOf({ host, pid }: Worker): string {
  return `${host} ${pid}`;
}
