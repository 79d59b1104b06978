import { formatInZone, formatRelative, formatSpan, formatTimestamp } from '../../common/format.ts';
import { printable } from '../../common/printable.ts';
import { formatCount } from '../../common/text.ts';
import { secondsBetween } from '../../common/time.ts';
import type { RequestStatus, Status } from '../../index.ts';
import { commandHint } from '../command-line.ts';
import { type FittedColumn, formatTable } from './table.ts';
import { MARKS, wrap } from './text-width.ts';

type Worker = Status['workers'][number];

/** How many workers have a line. Those with problems come first. */
const MAX_WORKERS = 8;

/** The workers in lines of at most `width` columns. Empty if there are no workers and no work. */
export function formatWorkers(status: Status, width: number): string[] {
  const { at, workers, schedules, requests } = status;
  const alive = workers.filter((worker) => worker.alive).length;
  const isAwaited = schedules.length > 0 || requests.some(({ endedAt }) => endedAt === null);
  const lines: string[] = [];
  if (alive === 0 && isAwaited) {
    lines.push(
      ...wrap('', 'No worker is alive, so no snapshot starts. Start one:', width),
      `  ${commandHint(['worker'])}`,
    );
  }
  if (workers.length === 0) return lines;
  const lost = workers.length - alive;
  const shown = workers.slice(0, MAX_WORKERS);
  lines.push(
    `workers: ${formatCount(alive)} alive${lost > 0 ? `, ${formatCount(lost)} lost` : ''}`,
    ...formatTable(listColumns(at), shown, width),
  );
  if (workers.length > MAX_WORKERS)
    lines.push(`  ${MARKS.more} and ${formatCount(workers.length - MAX_WORKERS)} more`);
  for (const worker of shown) {
    if (worker.alive && worker.problem !== null) {
      lines.push(...wrap('  ', printable(`${formatWorkerName(worker)}: ${worker.problem}`), width));
    }
  }
  return lines;
}

/** A lost worker shows no jobs: other workers have them by now. */
function listColumns(at: Date): FittedColumn<Worker>[] {
  const up = ({ startedAt }: Worker) => formatSpan(secondsBetween(startedAt, at));
  return [
    { name: 'worker', weight: 6, text: (worker) => printable(formatWorkerName(worker)) },
    { name: 'state', weight: 5, text: describeState },
    {
      name: 'jobs',
      weight: 3,
      align: 'right',
      text: ({ alive, jobs }) => (alive ? formatCount(jobs) : ''),
    },
    { name: 'seen', weight: 4, text: ({ seenAt }) => formatRelative(seenAt, at) },
    { name: 'up', weight: 2, align: 'right', text: (worker) => (worker.alive ? up(worker) : '') },
    { name: 'version', weight: 1, text: ({ version }) => printable(version) },
  ];
}

function describeState({ alive, problem }: Worker): string {
  if (!alive) return 'lost';
  return problem === null ? 'alive' : 'unready';
}

function formatWorkerName({ host, pid }: Worker): string {
  return `${host} ${pid}`;
}

/** The next run of a pool in lines of at most `width` columns. Empty without a schedule. */
export function formatSchedules(status: Status, poolId: string, width: number): string[] {
  return status.schedules
    .filter((schedule) => schedule.poolId === poolId)
    .flatMap(({ pattern, timezone, dueAt, startsAt }) => {
      const isLate = startsAt <= status.at;
      const when = isLate
        ? `due since ${formatInZone(dueAt, timezone)}, ${formatRelative(dueAt, status.at)}`
        : `next ${formatInZone(dueAt, timezone)}, starts ${formatRelative(startsAt, status.at)}`;
      return wrap('  ', printable(`schedule ${pattern}: ${when}`), width);
    });
}

/**
 * The open requests of a pool, and those that were skipped or failed lately, with the reason and what to
 * do, in lines of at most `width` columns. Successful requests show as snapshots.
 */
export function formatRequests(status: Status, poolId: string, width: number): string[] {
  const requests = status.requests.filter((request) => request.poolId === poolId);
  return requests.flatMap((request) => {
    const lines = formatRequest(request, status.at, width);
    // A later request has resumed this one.
    const isLast = requests.every(({ id }) => id <= request.id);
    if (request.outcome !== 'failed' || !isLast) return lines;
    const aim = isUnfinished(status, request) ? 'resume' : 'try again';
    return [...lines, `    To ${aim}:`, `      ${commandHint(['trigger', poolId])}`];
  });
}

function formatRequest(request: RequestStatus, at: Date, width: number): string[] {
  const { source, requestedAt, endedAt, outcome, reason, snapshot, waitingReason } = request;
  const by = source === 'schedule' ? 'by the schedule' : 'by trigger';
  const of = snapshot === null ? '' : ` snapshot ${snapshot}`;
  const lines = (text: string) => wrap('  ', printable(text), width);
  if (endedAt === null) {
    const requested = `requested ${by} ${formatRelative(requestedAt, at)}`;
    if (waitingReason !== null)
      return lines(`${requested}:${of === '' ? '' : `${of} is`} waiting: ${waitingReason}`);
    return lines(
      snapshot === null ? `${requested}: waiting for a worker` : `${requested}:${of} is running`,
    );
  }
  if (outcome !== 'failed' && outcome !== 'skipped') return [];
  const why = reason === null ? '' : `: ${reason}`;
  return lines(
    `${outcome} ${formatTimestamp(endedAt)},${of === '' ? '' : `${of},`} requested ${by}${why}`,
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
