import { formatCount } from './text.ts';
import { secondsBetween } from './time.ts';

/** A count, or `unknown` if it is null. */
export function formatKnown(count: number | null, unknown: string): string {
  return count === null ? unknown : formatCount(count);
}

/** A duration as on a stopwatch: `0:07`, `12:30`, `6:12:00`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (part: number) => String(part).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

const BYTE_UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** A size in a decimal unit, with at least two digits: `7.1 MB`, `161 MB`. */
export function formatBytes(bytes: number): string {
  const unit = Math.floor(Math.log10(Math.max(1, bytes)) / 3);
  const value = bytes / 1000 ** unit;
  const digits = unit === 0 || value >= 10 ? 0 : 1;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** A duration in its two largest units: `40 s`, `12 min`, `5 h 12 min`, `3 d 4 h`. */
export function formatSpan(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24
    ? joinUnits(hours, 'h', minutes % 60, 'min')
    : joinUnits(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/** A time relative to `now`: `12 min ago`, `in 5 h 12 min`. */
export function formatRelative(time: Date, now: Date): string {
  const seconds = secondsBetween(now, time);
  return seconds > 0 ? `in ${formatSpan(seconds)}` : `${formatSpan(-seconds)} ago`;
}

/** A time in UTC, in whole seconds: `2026-11-22T02:00:00Z`. */
export function formatTimestamp(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

/**
 * A local time with its zone: `Sun 2026-11-22 02:00 Europe/Berlin`. UTC if this machine does not know
 * the zone.
 */
export function formatInZone(time: Date, timezone: string): string {
  const parts = splitLocalTime(time, timezone);
  if (parts === null) return formatInZone(time, 'UTC');
  const { weekday, year, month, day, hour, minute } = parts;
  return `${weekday} ${year}-${month}-${day} ${hour}:${minute} ${timezone}`;
}

function splitLocalTime(time: Date, timeZone: string): Record<string, string> | null {
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
    return Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, value]));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function joinUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
