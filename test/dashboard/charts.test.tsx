import type { JSX } from 'hono/jsx/jsx-runtime';
import { describe, expect, test } from 'vitest';
import { BarChart } from '../../src/dashboard/charts/bars.tsx';
import { LineChart } from '../../src/dashboard/charts/line.tsx';
import { AREA, type Period } from '../../src/dashboard/charts/scales.ts';
import type { Point } from '../../src/dashboard/charts/series.ts';
import { Sparkline } from '../../src/dashboard/charts/sparkline.tsx';
import { type SquareState, Squares } from '../../src/dashboard/charts/squares.tsx';
import { StackedChart } from '../../src/dashboard/charts/stacked.tsx';
import { Timeline } from '../../src/dashboard/charts/timeline.tsx';
import fc from '../support/fast-check.ts';

const DAY = 24 * 60 * 60 * 1000;
const START = Date.parse('2026-09-01T00:00:00Z');
const day = (index: number) => new Date(START + index * DAY);
const PERIOD: Period = [day(0), day(90)];
const TEXT = { id: 'chart', title: 'Users', description: 'How many.', empty: 'Nothing yet.' };

const render = async (chart: JSX.Element) => (await chart).toString();

/** The coordinates of the lines of a path: one array for each that it begins. */
function polylines(markup: string, pattern: RegExp): [number, number][][] {
  const path = pattern.exec(markup)?.[1] ?? '';
  return path
    .split('M')
    .filter((line) => line !== '')
    .map((line) =>
      line
        .replace(/Z$/, '')
        .split('L')
        .map((pair) => pair.split(',').map(Number) as [number, number]),
    );
}

const LINE = /<path class="chart-line" d="([^"]*)"/;
const expectedX = (at: Date) =>
  AREA.left + ((at.getTime() - PERIOD[0].getTime()) / (90 * DAY)) * (AREA.right - AREA.left);

/** The cells of the body of a chart's table. */
function cells(markup: string): string[][] {
  const body = /<tbody>(.*?)<\/tbody>/s.exec(markup)?.[1] ?? '';
  return [...body.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = '']) =>
    [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell = '']) => cell),
  );
}

describe('a line', () => {
  test('has a point for each value, on a linear scale of time and value', async () => {
    const values = fc.array(fc.nat(1_000_000), { minLength: 2, maxLength: 90 });
    await fc.assert(
      fc.asyncProperty(values, async (drawn) => {
        const points = drawn.map((value, index) => ({ at: day(index), value }));
        const markup = await render(
          <LineChart {...TEXT} period={PERIOD} series={[{ name: 'users', points }]} />,
        );
        const [line = []] = polylines(markup, LINE);
        expect(line).toHaveLength(points.length);
        const at = (index: number) => line[index] as [number, number];
        const [low, high] = [Math.min(...drawn), Math.max(...drawn)];
        const [bottom, top] = [at(drawn.indexOf(low))[1], at(drawn.indexOf(high))[1]];
        for (const [index, { at: moment, value }] of points.entries()) {
          expect(at(index)[0]).toBeCloseTo(expectedX(moment), 0);
          const share = high === low ? 0 : (value - low) / (high - low);
          expect(Math.abs(at(index)[1] - (bottom + share * (top - bottom)))).toBeLessThan(0.3);
          expect(at(index)[1]).toBeGreaterThanOrEqual(AREA.top);
          expect(at(index)[1]).toBeLessThanOrEqual(AREA.bottom);
        }
        expect(cells(markup).map(([, value]) => value)).toEqual(
          drawn.toReversed().map((value) => value.toLocaleString('en-US')),
        );
      }),
      { numRuns: 30 },
    );
  });

  test('breaks where nothing was measured for weeks', async () => {
    const days = [0, 1, 2, 3, 40, 41, 42, 80];
    const points = days.map((index) => ({ at: day(index), value: index }));
    const markup = await render(
      <LineChart {...TEXT} period={PERIOD} series={[{ name: 'users', points }]} />,
    );
    expect(polylines(markup, LINE).map((line) => line.length)).toEqual([4, 3, 1]);
    expect(markup.match(/<circle/g)).toHaveLength(1);
  });

  test.each<[string, Point[]]>([
    ['no point', []],
    ['points without a value', [{ at: day(1), value: null }]],
  ])('says what is missing: %s', async (_, points) => {
    const markup = await render(
      <LineChart {...TEXT} period={PERIOD} series={[{ name: 'users', points }]} />,
    );
    expect(markup).toContain('Nothing yet.');
    expect(markup).not.toContain('<svg');
  });

  test('of one value is a dot, and zero is a value', async () => {
    const points = [{ at: day(45), value: 0 }];
    const markup = await render(
      <LineChart {...TEXT} period={PERIOD} series={[{ name: 'users', points }]} />,
    );
    expect(markup).toContain(`<circle class="chart-dot" cx="${expectedX(day(45))}"`);
    expect(markup).not.toContain('NaN');
  });
});

describe('stacked areas', () => {
  test('lie on each other, and their height is the value', async () => {
    const values = fc.array(fc.tuple(fc.nat(1000), fc.nat(1000)), { minLength: 2, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(values, async (drawn) => {
        const series = [0, 1].map((which) => ({
          name: `part ${which}`,
          points: drawn.map((pair, index) => ({ at: day(index), value: pair[which] as number })),
        }));
        const markup = await render(<StackedChart {...TEXT} period={PERIOD} series={series} />);
        const [, drawing = ''] = markup.split('<desc');
        const shapes = [...drawing.matchAll(/<path class="chart-area" d="([^"]*)"/g)].map(
          ([, d = '']) => polylines(`d="${d}"`, /d="([^"]*)"/)[0] ?? [],
        );
        expect(shapes).toHaveLength(2);
        const edges = shapes.map((shape) => ({
          high: shape.slice(0, drawn.length),
          low: shape.slice(drawn.length).toReversed(),
        }));
        const ys = (line: [number, number][] = []) => line.map(([, y]) => y);
        expect(ys(edges[1]?.low)).toEqual(ys(edges[0]?.high));
        expect(new Set(ys(edges[0]?.low)).size).toBe(1);
        const heights = edges.flatMap(({ high, low }, which) =>
          drawn.map((pair, index) => ({
            value: pair[which] as number,
            height: (low[index]?.[1] ?? 0) - (high[index]?.[1] ?? 0),
          })),
        );
        const unit = heights.reduce((a, b) => (a.value > b.value ? a : b));
        for (const { value, height } of heights) {
          const expected = unit.value === 0 ? 0 : (value / unit.value) * unit.height;
          expect(Math.abs(height - expected)).toBeLessThan(0.3);
        }
      }),
      { numRuns: 20 },
    );
  });

  test('of one moment are a column that shows', async () => {
    const series = [{ name: 'CONFIRMED', points: [{ at: day(90), value: 7 }] }];
    const markup = await render(<StackedChart {...TEXT} period={PERIOD} series={series} />);
    const [, drawing = ''] = markup.split('<desc');
    const [shape = []] = polylines(drawing, /<path class="chart-area" d="([^"]*)"/);
    expect(new Set(shape.map(([x]) => x)).size).toBe(2);
    expect(cells(markup)).toEqual([['2026-11-30', '7']]);
  });
});

test('bars stand on their day, up and down, and the table has their values', async () => {
  const bars = [
    { day: day(10), up: 40, down: 0 },
    { day: day(11), up: 0, down: 20 },
  ];
  const markup = await render(
    <BarChart {...TEXT} period={PERIOD} bars={bars} names={['sign-ups', 'removals']} />,
  );
  const [, drawing = ''] = markup.split('<desc');
  const found = [...drawing.matchAll(/d="M([\d.]+),([\d.]+)h([\d.]+)V([\d.]+)h/g)].map((match) =>
    match.slice(1).map(Number),
  );
  expect(found).toHaveLength(3);
  const [up, down] = [found[0] ?? [], found[1] ?? []];
  expect(up[0]).toBeCloseTo(expectedX(day(10)), 0);
  expect(down[0]).toBeCloseTo(expectedX(day(11)), 0);
  const zero = up[1] as number;
  expect(down[1]).toBe(zero);
  // Twice as far up as down.
  expect((zero - (up[3] as number)) / ((down[3] as number) - zero)).toBeCloseTo(2, 1);
  expect(cells(markup)).toEqual([
    ['2026-09-12', '0', '20'],
    ['2026-09-11', '40', '0'],
  ]);
});

test('a sparkline ends at its last value and says in words what it shows', async () => {
  const points = [5, 10, 7.5].map((value, index) => ({ at: day(index), value }));
  const markup = await render(<Sparkline points={points} label="5 to 7.5 users" />);
  const [line = []] = polylines(markup, LINE);
  expect(line.map(([, y]) => y)).toEqual([25, 3, 14]);
  expect(markup).toContain('cx="117.0" cy="14.0"');
  expect(markup).toContain('aria-label="5 to 7.5 users"');
  expect(await render(<Sparkline points={[]} label="nothing" />)).toBe('');
  expect(await render(<Sparkline points={points.slice(0, 1)} label="one" />)).not.toContain('NaN');
});

test('squares tell each state by their text and by a mark of their own', async () => {
  const states: SquareState[] = [
    'archived',
    'published',
    'walking',
    'held',
    'failed',
    'discarded',
    'none',
  ];
  const squares = states.map((state) => ({
    state,
    label: `1 Sep: ${state}`,
    href: state === 'none' ? null : `/${state}`,
  }));
  const markup = await render(<Squares squares={squares} label="Nights" />);
  const marks = [...markup.matchAll(/<path d="([^"]*)"/g)].map(([, d]) => d);
  expect(new Set(marks).size).toBe(states.length);
  for (const state of states)
    expect(markup).toContain(`<span class="hidden">1 Sep: ${state}</span>`);
  expect(markup.match(/<a /g)).toHaveLength(states.length - 1);
});

describe('a timeline', () => {
  const at = (minutes: number) => new Date(START + minutes * 60_000);
  const period: Period = [at(0), at(60)];
  const x = (minutes: number) => AREA.left + (minutes / 60) * (AREA.right - AREA.left);

  test('draws when a lane was active, its share of waiting, its gaps and its restarts', async () => {
    const lanes = [
      {
        label: '1',
        spans: [
          { from: at(0), to: at(20), waiting: 0.5 },
          { from: at(30), to: at(60), waiting: 0 },
        ],
        restarts: [at(10)],
        isOpen: false,
      },
      { label: '2', spans: [{ from: at(6), to: at(6), waiting: 0 }], restarts: [], isOpen: true },
    ];
    const markup = await render(
      <Timeline {...TEXT} period={period} lanes={lanes} table={{ columns: [], rows: [] }} />,
    );
    const [, drawing = ''] = markup.split('<desc');
    const rects = (kind: string) =>
      [
        ...drawing.matchAll(
          new RegExp(`class="lane-${kind}" x="([\\d.]+)" y="[\\d.]+" width="([\\d.]+)"`, 'g'),
        ),
      ].map(([, left, width]) => [Number(left), Number(width)]);
    const near = (minutes: number) => expect.closeTo(x(minutes), 0);
    expect(rects('reading')).toEqual([
      [near(0), expect.closeTo(x(20) - x(0), 0)],
      [near(30), expect.closeTo(x(60) - x(30), 0)],
      // A moment is still a pixel wide.
      [near(6), 1],
    ]);
    expect(rects('waiting')).toEqual([[near(0), expect.closeTo(x(10) - x(0), 0)]]);
    expect(drawing.match(/lane-gap/g)).toHaveLength(2);
    expect(drawing.match(/lane-restart/g)).toHaveLength(1);
    expect(drawing.match(/lane-open/g)).toHaveLength(1);
  });

  test('says that there is nothing to draw', async () => {
    const markup = await render(
      <Timeline {...TEXT} period={period} lanes={[]} table={{ columns: [], rows: [] }} />,
    );
    expect(markup).toContain('Nothing yet.');
  });
});
