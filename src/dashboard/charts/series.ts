/** A value at a moment; null where none is known, which breaks a line. */
export interface Point {
  readonly at: Date;
  readonly value: number | null;
}

/** Values over time under one name. */
export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

/** How many series one chart can tell apart. */
export const MOST_SERIES = 6;

/** The class that gives a series its colour. */
export function seriesClass(index: number): string {
  return `series-${(index % MOST_SERIES) + 1}`;
}

/** The dashes that tell lines apart without their colour. */
export function dashesOf(index: number): { 'stroke-dasharray'?: string } {
  const dashes = [null, '6 3', '2 3', '9 3 2 3', '1 4', '12 4'][index % MOST_SERIES];
  return dashes ? { 'stroke-dasharray': dashes } : {};
}

const DAY = 24 * 60 * 60 * 1000;

/**
 * Puts a point without a value where the points are much farther apart than usual, so that a line does
 * not claim what was not measured.
 */
export function breakGaps(points: readonly Point[]): Point[] {
  const gaps = points.slice(1).map((point, index) => distance(points[index], point));
  const usual = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0;
  const most = Math.max(2 * DAY, 3 * usual);
  return points.flatMap((point, index) => {
    const before = points[index - 1];
    if (before === undefined || distance(before, point) <= most) return [point];
    return [{ at: new Date((before.at.getTime() + point.at.getTime()) / 2), value: null }, point];
  });
}

function distance(a: Point | undefined, b: Point): number {
  return a === undefined ? 0 : b.at.getTime() - a.at.getTime();
}
