import type { Child } from 'hono/jsx';
import { formatCount } from '../../common/text.ts';
import { type ChartText, EmptyFigure, Figure, Legend, TimeAxis, ValueAxis } from './figure.tsx';
import { PatternDefinitions, Textured } from './patterns.tsx';
import { AREA, type Period, round, timeScale, valueScale } from './scales.ts';

/** The values of one day: what is drawn above the line, and what below it. */
export interface Bar {
  /** The beginning of the day. */
  readonly day: Date;
  readonly up: number;
  readonly down?: number;
}

interface BarChartProps extends ChartText {
  readonly period: Period;
  readonly bars: readonly Bar[];
  /** What `up` and `down` are. Without the second, nothing is drawn below. */
  readonly names: readonly [string] | readonly [string, string];
  readonly format?: (value: number) => string;
  readonly formatTick?: (value: number) => string;
  /** In place of the chart if there is no bar. */
  readonly empty: string;
}

const DAY = 24 * 60 * 60 * 1000;

/** A bar for each day, and perhaps one below it. */
export function BarChart(props: BarChartProps) {
  const { id, period, bars, names, format = formatCount, formatTick, empty } = props;
  if (bars.length === 0) return <EmptyFigure id={id} title={props.title} reason={empty} />;
  const values = bars.flatMap(({ up, down = 0 }) => [up, -down]);
  const scale = valueScale(values, { fromZero: true });
  const x = timeScale(period);
  const zero = scale.y(0);
  const days = (period[1].getTime() - period[0].getTime()) / DAY;
  const width = Math.max(1, round(((AREA.right - AREA.left) / Math.max(days, 1)) * 0.8));
  /** One path for all bars: a year has 365. */
  const draw = (pick: (bar: Bar) => number) =>
    bars
      .flatMap((bar) => {
        const value = pick(bar);
        if (value === 0) return [];
        return `M${x(bar.day)},${zero}h${width}V${scale.y(value)}h${-width}z`;
      })
      .join('');
  const [, below] = names;
  return (
    <Figure
      {...props}
      table={{
        columns: ['Day (UTC)', ...names],
        rows: bars
          .toReversed()
          .map(({ day, up, down = 0 }) => [
            day.toISOString().slice(0, 10),
            format(up),
            ...(below === undefined ? [] : [format(down)]),
          ]),
      }}
      legend={below === undefined ? null : <BarLegend id={id} names={[names[0], below]} />}
    >
      <PatternDefinitions id={id} count={2} />
      <ValueAxis scale={scale} format={formatTick && ((value) => formatTick(Math.abs(value)))} />
      <TimeAxis period={period} />
      <Textured id={id} index={0} d={draw(({ up }) => up)} />
      {below === undefined ? null : (
        <Textured id={id} index={1} d={draw(({ down = 0 }) => -down)} />
      )}
      <line class="chart-zero" x1={AREA.left} x2={AREA.right} y1={zero} y2={zero} />
    </Figure>
  );
}

function BarLegend({ id, names }: { id: string; names: readonly [Child, Child] }) {
  const [up, down] = names;
  return (
    <Legend
      entries={[
        {
          name: <>{up}, above the line</>,
          swatch: <Textured id={id} index={0} d="M6,0h12v12h-12z" />,
        },
        {
          name: <>{down}, below the line</>,
          swatch: <Textured id={id} index={1} d="M6,0h12v12h-12z" />,
        },
      ]}
    />
  );
}
