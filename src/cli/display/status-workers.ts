import { formatCount, printable, type RequestStatus, type Status } from '../../index.ts';
import { commandHint } from '../command-line.ts';
import { MARKS } from './format.ts';
import { type FittedColumn, fittedTable } from './table.ts';
import { wrap } from './text-width.ts';
import { formatInZone, formatMoment, formatSpan, fromNow, secondsBetween } from './timestamps.ts';

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
    if (worker.alive && worker.problem !== null) {
      lines.push(...wrap('  ', printable(`${formatWorkerName(worker)}: ${worker.problem}`), width));
    }
  }
  return lines;
}

/** What a lost one had in hand, others have by now. */
function columns(at: Date): FittedColumn<Worker>[] {
  const up = ({ startedAt }: Worker) => formatSpan(secondsBetween(startedAt, at));
  return [
    { name: 'worker', weight: 6, text: (worker) => printable(formatWorkerName(worker)) },
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

function stateOf({ alive, problem }: Worker): string {
  if (!alive) return 'lost';
  return problem === null ? 'alive' : 'in problem';
}

function formatWorkerName({ host, pid }: Worker): string {
  return `${host} ${pid}`;
}

/** When a pool is mirrored next, in lines of at most `width` columns; none without a schedule. */
export function scheduleLines(status: Status, poolId: string, width: number): string[] {
  return status.schedules
    .filter((schedule) => schedule.poolId === poolId)
    .flatMap(({ pattern, timezone, dueAt, startsAt }) => {
      const isLate = startsAt <= status.at;
      const when = isLate
        ? `due since ${formatInZone(dueAt, timezone)}, ${fromNow(dueAt, status.at)}`
        : `next ${formatInZone(dueAt, timezone)}, begins ${fromNow(startsAt, status.at)}`;
      return wrap('  ', printable(`schedule ${pattern}: ${when}`), width);
    });
}

/**
 * The snapshots of a pool that the workers are asked for, and those that they lately skipped or
 * failed, with why and what to do, in lines of at most `width` columns. Those that went well are
 * seen by their snapshots.
 */
export function requestLines(status: Status, poolId: string, width: number): string[] {
  const requests = status.requests.filter((request) => request.poolId === poolId);
  return requests.flatMap((request) => {
    const lines = linesOf(request, status.at, width);
    // A request after it has gone on from there.
    const isLast = requests.every(({ id }) => id <= request.id);
    if (request.outcome !== 'failed' || !isLast) return lines;
    const aim = isUnfinished(status, request) ? 'go on from there' : 'try again';
    return [...lines, `    To ${aim}:`, `      ${commandHint(['trigger', poolId])}`];
  });
}

function linesOf(request: RequestStatus, at: Date, width: number): string[] {
  const { source, requestedAt, endedAt, outcome, reason, snapshot, waitingReason } = request;
  const by = source === 'schedule' ? 'by the schedule' : 'by trigger';
  const of = snapshot === null ? '' : ` snapshot ${snapshot}`;
  const tell = (text: string) => wrap('  ', printable(text), width);
  if (endedAt === null) {
    const asked = `asked for ${by} ${fromNow(requestedAt, at)}`;
    if (waitingReason !== null) return tell(`${asked}:${of} waits: ${waitingReason}`);
    return tell(
      snapshot === null ? `${asked}: waits for a worker` : `${asked}:${of} is being taken`,
    );
  }
  if (outcome !== 'failed' && outcome !== 'skipped') return [];
  const why = reason === null ? '' : `: ${reason}`;
  return tell(
    `${outcome} ${formatMoment(endedAt)},${of === '' ? '' : `${of},`} asked for ${by}${why}`,
  );
}

function isUnfinished(status: Status, request: RequestStatus): boolean {
  return status.snapshots.some(
    ({ poolId, snapshot, state }) =>
      poolId === request.poolId &&
      snapshot === request.snapshot &&
      (state === 'walking' || state === 'published'),
  );
}
