import { commandHint } from '../../config/command-line.ts';
import type { RequestStatus, Status } from '../../runner/status.ts';
import { printable } from '../../telemetry/printable.ts';
import { formatInZone, formatMoment, fromNow } from './moments.ts';
import { wrap } from './wrap.ts';

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
  const { source, requestedAt, endedAt, outcome, reason, snapshot, waitsFor } = request;
  const by = source === 'schedule' ? 'by the schedule' : 'by trigger';
  const of = snapshot === null ? '' : ` snapshot ${snapshot}`;
  const tell = (text: string) => wrap('  ', printable(text), width);
  if (endedAt === null) {
    const asked = `asked for ${by} ${fromNow(requestedAt, at)}`;
    if (waitsFor !== null) return tell(`${asked}:${of} waits: ${waitsFor}`);
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
