import { line } from 'd3-shape';
import { formatCount } from '../../common/text.ts';
import { Text } from '../../report/text.tsx';
import { type ChartText, EmptyFigure, Figure, Legend, TimeAxis, ValueAxis } from './figure.tsx';
import { type Period, timeScale, valueScale } from './scales.ts';
import { breakGaps, dashesOf, type Point, type Series, seriesClass } from './series.ts';
import { tableOfSeries } from './table.ts';

interface LineChartProps extends ChartText {
  readonly period: Period;
  readonly series: readonly Series[];
  /** Default: a count. */
  readonly format?: (value: number) => string;
  /** Of the labels of the axis. Default: a compact count. */
  readonly formatTick?: (value: number) => string;
  readonly fromZero?: boolean;
  /** In place of the chart if there is no value. */
  readonly empty: string;
}

/** Values over time as lines. A line breaks where values are missing for long. */
export function LineChart(props: LineChartProps) {
  const { period, series, format = formatCount, formatTick, fromZero = false, empty } = props;
  const values = series.flatMap(({ points }) => points.flatMap(({ value }) => value ?? []));
  if (values.length === 0) return <EmptyFigure id={props.id} title={props.title} reason={empty} />;
  const scale = valueScale(values, { fromZero });
  const x = timeScale(period);
  return (
    <Figure
      {...props}
      table={tableOfSeries(series, format)}
      legend={series.length > 1 ? <LineLegend series={series} /> : null}
    >
      <ValueAxis scale={scale} format={formatTick} />
      <TimeAxis period={period} />
      {series.map(({ points }, index) => (
        <Line points={breakGaps(points)} x={x} y={scale.y} index={index} />
      ))}
    </Figure>
  );
}

interface LineProps {
  readonly points: readonly Point[];
  readonly x: (at: Date) => number;
  readonly y: (value: number) => number;
  readonly index: number;
}

function Line({ points, x, y, index }: LineProps) {
  const path = line<Point>()
    .defined(({ value }) => value !== null)
    .x(({ at }) => x(at))
    .y(({ value }) => y(value ?? 0))
    .digits(1);
  // A point without neighbours has no line.
  const lonely = points.filter(
    ({ value }, place) =>
      value !== null &&
      (points[place - 1]?.value ?? null) === null &&
      (points[place + 1]?.value ?? null) === null,
  );
  return (
    <g class={seriesClass(index)}>
      <path class="chart-line" d={path(points) ?? ''} {...dashesOf(index)} />
      {lonely.map(({ at, value }) => (
        <circle class="chart-dot" cx={x(at)} cy={y(value ?? 0)} r={2.5} />
      ))}
    </g>
  );
}

function LineLegend({ series }: { series: readonly Series[] }) {
  return (
    <Legend
      entries={series.map(({ name }, index) => ({
        name: <Text value={name} />,
        swatch: (
          <g class={seriesClass(index)}>
            <path class="chart-line" d="M0,6L24,6" {...dashesOf(index)} />
          </g>
        ),
      }))}
    />
  );
}
