import { printable } from '../../common/printable.ts';
import type { ChartTable } from './figure.tsx';
import type { Series } from './series.ts';

/** The values of series, a row for each moment, the newest first. */
export function tableOfSeries(
  series: readonly Series[],
  format: (value: number) => string,
  formatTime: (at: Date) => string = formatMoment,
): ChartTable {
  const moments = new Map<number, Map<number, number>>();
  for (const [index, { points }] of series.entries()) {
    for (const { at, value } of points) {
      if (value === null) continue;
      const row = moments.get(at.getTime()) ?? new Map<number, number>();
      moments.set(at.getTime(), row.set(index, value));
    }
  }
  const rows = [...moments].toSorted(([a], [b]) => b - a);
  return {
    columns: ['When (UTC)', ...series.map(({ name }) => printable(name))],
    rows: rows.map(([time, values]) => [
      formatTime(new Date(time)),
      ...series.map((_, index) => {
        const value = values.get(index);
        return value === undefined ? '–' : format(value);
      }),
    ]),
  };
}

/** A time in UTC to the minute; midnight as a day. */
function formatMoment(at: Date): string {
  const iso = at.toISOString();
  return iso.includes('T00:00:00') ? iso.slice(0, 10) : `${iso.slice(0, 10)} ${iso.slice(11, 16)}`;
}
