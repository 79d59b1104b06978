import type { PoolAge } from '../../runner/mirror-age.ts';
import { printable } from '../../telemetry/printable.ts';
import { formatSpan } from './moments.ts';
import { attemptText } from './status-pools.ts';

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
