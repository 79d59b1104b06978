import { line } from 'd3-shape';
import { breakGaps, type Point } from './series.ts';

interface SparklineProps {
  readonly points: readonly Point[];
  /** What the line says, in words: it has no axis. */
  readonly label: string;
}

const WIDTH = 120;
const HEIGHT = 28;
const EDGE = 3;

/** A line without axes for a row of a table, with a dot at its end. Nothing without a value. */
export function Sparkline({ points, label }: SparklineProps) {
  const known = points.flatMap(({ at, value }) => (value === null ? [] : [{ at, value }]));
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined) return null;
  const [from, to] = [first.at.getTime(), last.at.getTime()];
  const values = known.map(({ value }) => value);
  const [low, high] = [
    values.reduce((a, b) => Math.min(a, b)),
    values.reduce((a, b) => Math.max(a, b)),
  ];
  const x = (at: Date) => EDGE + share(at.getTime(), from, to, 1) * (WIDTH - 2 * EDGE);
  const y = (value: number) => HEIGHT - EDGE - share(value, low, high, 0.5) * (HEIGHT - 2 * EDGE);
  const path = line<Point>()
    .defined(({ value }) => value !== null)
    .x(({ at }) => x(at))
    .y(({ value }) => y(value ?? 0))
    .digits(1);
  return (
    <svg
      class="sparkline series-1"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={label}
    >
      <path class="chart-line" d={path(breakGaps(points)) ?? ''} />
      <circle class="chart-dot" cx={x(last.at).toFixed(1)} cy={y(last.value).toFixed(1)} r="2.5" />
    </svg>
  );
}

/** Where a value is between two others, 0 to 1; `otherwise` if these are the same. */
function share(value: number, low: number, high: number, otherwise: number): number {
  return low === high ? otherwise : (value - low) / (high - low);
}
