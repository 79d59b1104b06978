import { commandHint } from '../../config/command-line.ts';
import { formatCount } from '../../model/counts.ts';
import type { Status } from '../../runner/status.ts';
import { printable } from '../../telemetry/printable.ts';
import { type FittedColumn, fittedTable } from './fitted-table.ts';
import { MARKS } from './marks.ts';
import { formatSpan, fromNow } from './moments.ts';
import { wrap } from './wrap.ts';

type Worker = Status['workers'][number];

/** How many workers are shown one by one: those that need a look come first. */
const MOST = 8;

/** The workers, in lines of at most `width` columns; none where there is nothing for them to do. */
export function workerLines(status: Status, width: number): string[] {
  const { at, workers, schedules, requests } = status;
  const alive = workers.filter((worker) => worker.alive).length;
  const isAwaited = schedules.length > 0 || requests.some(({ endedAt }) => endedAt === null);
  const lines: string[] = [];
  if (alive === 0 && isAwaited) {
    lines.push(
      ...wrap('', 'No worker is alive, so nothing is begun. Start one:', width),
      `  ${commandHint(['worker'])}`,
    );
  }
  if (workers.length === 0) return lines;
  const lost = workers.length - alive;
  const shown = workers.slice(0, MOST);
  lines.push(
    `workers: ${formatCount(alive)} alive${lost > 0 ? `, ${formatCount(lost)} lost` : ''}`,
    ...fittedTable(columns(at), shown, width),
  );
  if (workers.length > MOST)
    lines.push(`  ${MARKS.more} and ${formatCount(workers.length - MOST)} more`);
  for (const worker of shown) {
    if (worker.alive && worker.trouble !== null) {
      lines.push(...wrap('  ', printable(`${nameOf(worker)}: ${worker.trouble}`), width));
    }
  }
  return lines;
}

/** What a lost one had in hand, others have by now. */
function columns(at: Date): FittedColumn<Worker>[] {
  const up = ({ startedAt }: Worker) => formatSpan((at.getTime() - startedAt.getTime()) / 1000);
  return [
    { name: 'worker', weight: 6, text: (worker) => printable(nameOf(worker)) },
    { name: 'state', weight: 5, text: stateOf },
    {
      name: 'jobs',
      weight: 3,
      align: 'right',
      text: ({ alive, jobs }) => (alive ? formatCount(jobs) : ''),
    },
    { name: 'seen', weight: 4, text: ({ seenAt }) => fromNow(seenAt, at) },
    { name: 'up', weight: 2, align: 'right', text: (worker) => (worker.alive ? up(worker) : '') },
    { name: 'version', weight: 1, text: ({ version }) => printable(version) },
  ];
}

function stateOf({ alive, trouble }: Worker): string {
  if (!alive) return 'lost';
  return trouble === null ? 'alive' : 'in trouble';
}

function nameOf({ host, pid }: Worker): string {
  return `${host} ${pid}`;
}
