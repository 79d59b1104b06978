import { scaleLinear, scaleUtc } from 'd3-scale';

/** The size of a chart in its own units. On a phone one unit is about one pixel. */
export const WIDTH = 480;
export const HEIGHT = 200;

/** The room around the drawing for the labels of the axes. */
const MARGIN = { top: 10, right: 10, bottom: 24, left: 54 };

/** The rectangle that data is drawn in. */
export const AREA = {
  left: MARGIN.left,
  right: WIDTH - MARGIN.right,
  top: MARGIN.top,
  bottom: HEIGHT - MARGIN.bottom,
} as const;

/** The first and the last moment that a chart shows. */
export type Period = readonly [Date, Date];

/** Where a moment is drawn. A period of no length is drawn in the middle. */
export function timeScale([from, to]: Period): (at: Date) => number {
  const scale = scaleUtc([from, to], [AREA.left, AREA.right]);
  return (at) => round(scale(at));
}

/** The moments that the axis names, and how: as days, or as times of day for less than two days. */
export function timeTicks(period: Period, count = 5): { at: Date; label: string }[] {
  const [from, to] = period;
  const span = to.getTime() - from.getTime();
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...formatOf(span) });
  // No label has parts of a second, and there may be twice as many ticks as labels that fit.
  const ticks = scaleUtc([from, to], [0, 1])
    .ticks(count)
    .filter((at) => at.getUTCMilliseconds() === 0);
  const step = Math.ceil(ticks.length / (count + 1));
  return ticks
    .filter((_, index) => index % step === 0)
    .map((at) => ({ at, label: format.format(at) }));
}

const DAY = 24 * 60 * 60 * 1000;

function formatOf(span: number): Intl.DateTimeFormatOptions {
  if (span < 5 * 60 * 1000) return { hour: '2-digit', minute: '2-digit', second: '2-digit' };
  if (span < 2 * DAY) return { hour: '2-digit', minute: '2-digit' };
  if (span < 300 * DAY) return { day: 'numeric', month: 'short' };
  return { month: 'short', year: 'numeric' };
}

/** Where a value is drawn, and the values that the axis names. */
export interface ValueScale {
  readonly y: (value: number) => number;
  readonly ticks: readonly number[];
}

/**
 * A scale for values.
 *
 * @param fromZero false: a line may start above zero, so that small differences show.
 */
export function valueScale(
  values: readonly number[],
  { fromZero }: { fromZero: boolean },
): ValueScale {
  const least = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const [low, high] =
    values.length === 0
      ? [0, 1]
      : widen(fromZero ? Math.min(0, least) : least, fromZero ? Math.max(0, most) : most);
  const scale = scaleLinear([low, high], [AREA.bottom, AREA.top]).nice(4);
  return { y: (value) => round(scale(value)), ticks: scale.ticks(4).filter(Number.isInteger) };
}

/** Equal values still need a height. No axis goes below zero only to have one. */
function widen(low: number, high: number): [number, number] {
  if (low !== high) return [low, high];
  return low === 0 ? [0, 1] : [Math.max(0, low - 1), high + 1];
}

/** Formats a value for an axis: `1.2K`, `3M`. */
export function formatTick(value: number): string {
  return COMPACT.format(value);
}

const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 2 });

/** A tenth of a unit is less than a pixel, and keeps pages small. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
