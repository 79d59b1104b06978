import {
  type AttemptStatus,
  type PoolAge,
  type PoolStatus,
  printable,
  type Status,
} from '../../index.ts';
import { wrap } from './text-width.ts';
import { formatSpan, fromNow } from './timestamps.ts';

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

/**
 * The ages of mirrors in one line, as monitoring systems read it: the pools that are too old first.
 *
 * @param at the time of the check, by Postgres's clock.
 * @param place where there is no mirror.
 */
export function ageText(
  ages: readonly PoolAge[],
  maxAgeSeconds: number,
  { at, place }: { readonly at: Date; readonly place?: string },
): string {
  const nowhere = place === undefined ? '' : `; nothing is mirrored in ${place}`;
  const limit = formatSpan(maxAgeSeconds);
  const failing = ages.filter(({ ok }) => !ok);
  if (ages.length === 0) return `STALE - no pool was mirrored yet${printable(nowhere)}\n`;
  if (failing.length === 0) {
    const words = ages.map(
      ({ poolId, ageSeconds }) => `${poolId} ${formatSpan(ageSeconds ?? 0)} old`,
    );
    return `OK - ${printable(words.join('; '))}; limit ${limit}\n`;
  }
  const words = failing.map(({ poolId, ageSeconds, vanished, lastAttempt }) => {
    const old =
      ageSeconds === null
        ? `${poolId} was never mirrored`
        : `${poolId} is ${formatSpan(ageSeconds)} old, limit ${limit}`;
    const age = vanished ? `${old}, and COGNITO_POOLS=all no longer lists it` : old;
    return lastAttempt === null ? age : `${age}, ${attemptText(lastAttempt, at)}`;
  });
  return `STALE - ${printable(words.join('; ') + nowhere)}\n`;
}
