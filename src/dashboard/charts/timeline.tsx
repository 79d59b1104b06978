import type { Child } from 'hono/jsx';
import {
  type ChartTable,
  type ChartText,
  EmptyFigure,
  Figure,
  Legend,
  TimeAxis,
} from './figure.tsx';
import { AREA, type Period, round, timeScale } from './scales.ts';

/** When a lane was active, from one moment to another. */
export interface Span {
  readonly from: Date;
  readonly to: Date;
  /** The share of its length, 0 to 1, that is drawn as waiting, at its beginning. */
  readonly waiting: number;
}

/** One thing over time. */
export interface Lane {
  /** Short: up to about eight characters fit. */
  readonly label: string;
  readonly spans: readonly Span[];
  /** Moments at which it began again. */
  readonly restarts: readonly Date[];
  /** True if it did not end: its last span is drawn with an open end. */
  readonly isOpen: boolean;
}

interface TimelineProps extends ChartText {
  readonly period: Period;
  readonly lanes: readonly Lane[];
  readonly table: ChartTable;
  readonly empty: string;
}

const LANE = 14;
const TOP = 6;
const BAR = 9;

/** Things that ran side by side, a lane for each: active, waiting, begun again. */
export function Timeline(props: TimelineProps) {
  const { id, title, period, lanes, empty } = props;
  if (lanes.length === 0) return <EmptyFigure id={id} title={title} reason={empty} />;
  const bottom = TOP + lanes.length * LANE;
  const x = timeScale(period);
  return (
    <Figure {...props} height={bottom + 24} legend={<TimelineLegend id={id} />}>
      <WaitingPattern id={id} />
      <TimeAxis period={period} bottom={bottom} />
      {lanes.map((lane, index) => (
        <LaneMarks id={id} lane={lane} x={x} y={TOP + index * LANE} />
      ))}
    </Figure>
  );
}

interface LaneMarksProps {
  readonly id: string;
  readonly lane: Lane;
  readonly x: (at: Date) => number;
  readonly y: number;
}

function LaneMarks({ id, lane: { label, spans, restarts, isOpen }, x, y }: LaneMarksProps) {
  const [first, last] = [spans[0], spans.at(-1)];
  const middle = y + BAR / 2;
  return (
    <g class="lane">
      <text class="lane-label" x={AREA.left - 6} y={y + BAR} text-anchor="end">
        {label}
      </text>
      {first && last ? (
        <line class="lane-gap" x1={x(first.from)} x2={x(last.to)} y1={middle} y2={middle} />
      ) : null}
      {spans.map(({ from, to, waiting }) => {
        const left = x(from);
        const width = Math.max(1, round(x(to) - left));
        const waited = round(width * Math.min(1, waiting));
        return (
          <>
            <rect class="lane-reading" x={left} y={y} width={width} height={BAR} />
            {waited > 0 ? (
              <>
                <rect class="lane-waiting" x={left} y={y} width={waited} height={BAR} />
                <rect x={left} y={y} width={waited} height={BAR} fill={`url(#${id}-waiting)`} />
              </>
            ) : null}
          </>
        );
      })}
      {restarts.map((at) => (
        <path class="lane-restart" d={restartMark(x(at), middle)} />
      ))}
      {isOpen && last ? (
        <path class="lane-open" d={`M${x(last.to)},${y - 1}l4,${BAR / 2 + 1}l-4,${BAR / 2 + 1}`} />
      ) : null}
    </g>
  );
}

/** A diamond. */
function restartMark(x: number, y: number): string {
  return `M${round(x - 4.5)},${y}l4.5,-5.5l4.5,5.5l-4.5,5.5z`;
}

function WaitingPattern({ id }: { id: string }) {
  return (
    <defs>
      <pattern id={`${id}-waiting`} width="6" height="6" patternUnits="userSpaceOnUse">
        <path class="chart-texture" d="M-1,1L1,-1M0,6L6,0M5,7L7,5" />
      </pattern>
    </defs>
  );
}

function TimelineLegend({ id }: { id: string }) {
  const swatch = (shape: Child, name: string) => ({ name, swatch: shape });
  return (
    <Legend
      entries={[
        swatch(<rect class="lane-reading" x="0" y="1" width="24" height="10" />, 'reading'),
        swatch(
          <>
            <rect class="lane-waiting" x="0" y="1" width="24" height="10" />
            <rect x="0" y="1" width="24" height="10" fill={`url(#${id}-waiting)`} />
          </>,
          'waiting for quota: its share of the time, not its place',
        ),
        swatch(<line class="lane-gap" x1="0" x2="24" y1="6" y2="6" />, 'paused'),
        swatch(<path class="lane-restart" d={restartMark(12, 6)} />, 'started again'),
      ]}
    />
  );
}
