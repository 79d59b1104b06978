import { area, stack } from 'd3-shape';
import { formatCount } from '../../common/text.ts';
import { Text } from '../../report/text.tsx';
import { type ChartText, EmptyFigure, Figure, Legend, TimeAxis, ValueAxis } from './figure.tsx';
import { PatternDefinitions, Textured } from './patterns.tsx';
import { type Period, timeScale, valueScale } from './scales.ts';
import { breakGaps, type Series } from './series.ts';
import { tableOfSeries } from './table.ts';

interface StackedChartProps extends ChartText {
  readonly period: Period;
  /** At most six. The first is drawn at the bottom. All have their points at the same moments. */
  readonly series: readonly Series[];
  readonly format?: (value: number) => string;
  readonly formatTick?: (value: number) => string;
  /** In place of the chart if there is no value. */
  readonly empty: string;
}

/** Parts of a whole over time, as areas on top of each other. */
export function StackedChart(props: StackedChartProps) {
  const { id, title, period, series, format = formatCount, formatTick, empty } = props;
  const slices = slice(series, period);
  const filled = slices.flatMap(({ values }) => (values === null ? [] : [values]));
  if (filled.length === 0) return <EmptyFigure id={id} title={title} reason={empty} />;
  const layers = stack<Slice, number>()
    .keys(series.map((_, index) => index))
    .value(({ values }, key) => values?.[key] ?? 0)(slices);
  const sums = filled.map((values) => values.reduce((sum, value) => sum + value, 0));
  const scale = valueScale(sums, { fromZero: true });
  const x = timeScale(period);
  const shape = area<(typeof layers)[number][number]>()
    .defined(({ data }) => data.values !== null)
    .x(({ data }) => x(data.at))
    .y0(([low]) => scale.y(low))
    .y1(([, high]) => scale.y(high))
    .digits(1);
  return (
    <Figure
      {...props}
      table={tableOfSeries(series, format)}
      legend={
        <Legend
          // The topmost first, as the areas are.
          entries={series
            .map(({ name }, index) => ({
              name: <Text value={name} />,
              swatch: <Textured id={id} index={index} d="M0,0h24v12h-24z" />,
            }))
            .toReversed()}
        />
      }
    >
      <PatternDefinitions id={id} count={series.length} />
      <ValueAxis scale={scale} format={formatTick} />
      <TimeAxis period={period} />
      {layers.map((layer, index) => (
        <Textured id={id} index={index} d={shape(layer) ?? ''} />
      ))}
    </Figure>
  );
}

/** A moment with the value of each series; null in a gap. */
interface Slice {
  readonly at: Date;
  readonly values: readonly number[] | null;
}

/** The slices of a stack. One without neighbours is as wide as a thin column, so that it shows. */
function slice(series: readonly Series[], [from, to]: Period): Slice[] {
  const known = series.map(
    ({ points }) => new Map(points.map(({ at, value }) => [at.getTime(), value ?? 0])),
  );
  const moments = breakGaps(series[0]?.points ?? []);
  const width = (to.getTime() - from.getTime()) / 100;
  return moments.flatMap(({ at, value }, index): Slice[] => {
    if (value === null) return [{ at, values: null }];
    const values = known.map((each) => each.get(at.getTime()) ?? 0);
    const isLonely = [index - 1, index + 1].every(
      (place) => (moments[place]?.value ?? null) === null,
    );
    const starts = Math.min(at.getTime(), to.getTime() - width);
    return isLonely
      ? [
          { at: new Date(starts), values },
          { at: new Date(starts + width), values },
        ]
      : [{ at, values }];
  });
}
