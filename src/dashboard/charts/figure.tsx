import type { Child } from 'hono/jsx';
import { Table } from '../../report/table.tsx';
import {
  AREA,
  formatTick,
  HEIGHT,
  type Period,
  timeScale,
  timeTicks,
  type ValueScale,
  WIDTH,
} from './scales.ts';

/** What every chart has beside its marks. */
export interface ChartText {
  /** Unique in its page, for the ids of its parts. */
  readonly id: string;
  readonly title: string;
  /** What the chart shows, in a sentence, for readers who cannot see it. */
  readonly description: string;
}

/** The values of a chart for readers who cannot see it. */
export interface ChartTable {
  readonly columns: readonly string[];
  /** The first cell names the row. */
  readonly rows: readonly (readonly Child[])[];
}

interface FigureProps extends ChartText {
  readonly table: ChartTable;
  /** Above the drawing, such as a legend. */
  readonly legend?: Child;
  readonly height?: number;
  /** The marks and the axes. */
  readonly children: Child;
}

/** A drawing with its title, its description and its values as a table. */
export function Figure({
  id,
  title,
  description,
  table,
  legend,
  height = HEIGHT,
  children,
}: FigureProps) {
  return (
    <figure class="chart" id={id}>
      <figcaption>{title}</figcaption>
      {legend}
      <svg
        viewBox={`0 0 ${WIDTH} ${height}`}
        role="img"
        aria-labelledby={`${id}-title`}
        aria-describedby={`${id}-description`}
      >
        <title id={`${id}-title`}>{title}</title>
        <desc id={`${id}-description`}>{description}</desc>
        {children}
      </svg>
      <ValueTable title={title} table={table} />
    </figure>
  );
}

function ValueTable({ title, table: { columns, rows } }: { title: string; table: ChartTable }) {
  return (
    <details>
      <summary>
        Values<span class="hidden">{` of ${title}`}</span>
      </summary>
      {/* A region that scrolls must be reachable by keyboard. */}
      <section class="chart-values" aria-label={`Values of ${title}`} tabindex={0}>
        <Table
          caption={`Values of ${title}`}
          isCaptionHidden
          columns={columns.map((column, index) => ({
            title: column,
            cell: (row: readonly Child[]) => row[index],
          }))}
          rows={rows}
        />
      </section>
    </details>
  );
}

/** Says that there is nothing to draw, in place of an empty drawing. */
export function EmptyFigure({ id, title, reason }: { id: string; title: string; reason: string }) {
  return (
    <figure class="chart" id={id}>
      <figcaption>{title}</figcaption>
      <p class="chart-empty">{reason}</p>
    </figure>
  );
}

/** The lines and labels of the values. */
export function ValueAxis({
  scale,
  format = formatTick,
}: {
  scale: ValueScale;
  format?: ((value: number) => string) | undefined;
}) {
  return (
    <g class="chart-axis">
      {scale.ticks.map((value) => (
        <>
          <line x1={AREA.left} x2={AREA.right} y1={scale.y(value)} y2={scale.y(value)} />
          <text x={AREA.left - 6} y={scale.y(value) + 4} text-anchor="end">
            {format(value)}
          </text>
        </>
      ))}
    </g>
  );
}

/** The labels of the time. */
export function TimeAxis({ period, bottom = AREA.bottom }: { period: Period; bottom?: number }) {
  const x = timeScale(period);
  // A label at an edge would be cut, so it is aligned to it.
  const anchor = (at: number) =>
    at < AREA.left + 20 ? 'start' : at > AREA.right - 20 ? 'end' : 'middle';
  return (
    <g class="chart-axis">
      {timeTicks(period).map(({ at, label }) => (
        <text x={x(at)} y={bottom + 17} text-anchor={anchor(x(at))}>
          {label}
        </text>
      ))}
    </g>
  );
}

/** One thing that a chart shows, and the mark that tells it from the others without its colour. */
export interface LegendEntry {
  readonly name: Child;
  readonly swatch: Child;
}

export function Legend({ entries }: { entries: readonly LegendEntry[] }) {
  return (
    <ul class="chart-legend">
      {entries.map(({ name, swatch }) => (
        <li>
          <svg viewBox="0 0 24 12" aria-hidden="true">
            {swatch}
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}
