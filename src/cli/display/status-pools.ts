import type { AttemptStatus, PoolStatus, Status } from '../../runner/status.ts';
import { printable } from '../../telemetry/printable.ts';
import { formatSpan, fromNow } from './moments.ts';
import { wrap } from './wrap.ts';

/** How old the mirror of a pool is and how the last attempt ended, in lines of at most `width` columns. */
export function poolLines(status: Status, poolId: string, width: number): string[] {
  const pool = status.pools.find((each) => each.poolId === poolId);
  if (pool === undefined) return [];
  const lines = [newestOf(pool)];
  if (pool.vanished) lines.push('vanished: COGNITO_POOLS=all no longer lists it');
  if (pool.lastAttempt !== null) lines.push(attemptText(pool.lastAttempt, status.at));
  return lines.flatMap((line) => wrap('  ', printable(line), width));
}

function newestOf({ newest }: PoolStatus): string {
  if (newest === null) return 'newest published: none';
  const archive = newest.state === 'archived' ? '' : ', not archived';
  return `newest published: ${newest.snapshot}, ${formatSpan(newest.ageSeconds)} ago${archive}`;
}

/** A snapshot's own line has why it failed: here is what began none. */
export function attemptText(
  { outcome, endedAt, snapshot, reason }: AttemptStatus,
  at: Date,
): string {
  const when = `last attempt: ${outcome} ${fromNow(endedAt, at)}`;
  if (snapshot !== null || outcome === 'archived') return when;
  return `${when}, no snapshot was begun${reason === null ? '' : `: ${reason}`}`;
}
