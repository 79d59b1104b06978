export function secondsBetween(from: Date, to: Date): number {
  return (to.getTime() - from.getTime()) / 1000;
}

/** A length of time in its two largest units: `40 s`, `12 min`, `5 h 12 min`, `3 d 4 h`. */
export function formatSpan(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24
    ? two(hours, 'h', minutes % 60, 'min')
    : two(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/** How long before or after `at` a moment is: `12 min ago`, `in 5 h 12 min`. */
export function fromNow(moment: Date, at: Date): string {
  const seconds = secondsBetween(at, moment);
  return seconds > 0 ? `in ${formatSpan(seconds)}` : `${formatSpan(-seconds)} ago`;
}

/** A moment of UTC, in whole seconds: `2026-11-22T02:00:00Z`. */
export function formatMoment(moment: Date): string {
  return `${moment.toISOString().slice(0, 19)}Z`;
}

/**
 * A moment as clocks in a time zone show it, with the zone: `Sun 2026-11-22 02:00 Europe/Berlin`. A
 * zone that this machine does not know gives UTC.
 */
export function formatInZone(moment: Date, timezone: string): string {
  const parts = partsIn(moment, timezone);
  if (parts === null) return formatInZone(moment, 'UTC');
  const { weekday, year, month, day, hour, minute } = parts;
  return `${weekday} ${year}-${month}-${day} ${hour}:${minute} ${timezone}`;
}

function partsIn(moment: Date, timeZone: string): Record<string, string> | null {
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    return Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, value]));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
