import { expect, test } from 'vitest';
import { coursesOf, overBounds } from './bounds.ts';

const samples = (valueAt: (i: number) => number) =>
  Array.from({ length: 40 }, (_, i) => ({ MB: valueAt(i) }));

const over = (valueAt: (i: number) => number, growth?: number) => {
  const bound = growth === undefined ? { most: 200 } : { most: 200, growth };
  return overBounds(coursesOf(samples(valueAt)), { MB: bound });
};

test('what warms up and then stays is within its bounds', () => {
  expect(over((i) => Math.min(100, 20 * i) + (i % 3), 1.1)).toEqual([]);
});

test('reports steady growth under the ceiling', () => {
  expect(over((i) => 100 + 2 * i, 1.1)).toEqual([
    'MB: its mean grew from 129 to 169',
    'MB: its median grew from 130 to 170',
    'MB: its rest grew from 124 to 164',
  ]);
  expect(over((i) => 100 + 2 * i)).toEqual([]);
});

test('reports what is left at rest, though work hides it', () => {
  const restAndWork = (i: number) => (i % 2 === 0 ? 180 : 10 + 0.2 * i);
  expect(over(restAndWork, 1.25)).toEqual(['MB: its rest grew from 13 to 17']);
});

test('reports a value that was over its ceiling once', () => {
  expect(over((i) => (i === 5 ? 201 : 100), 1.1)).toEqual(['MB: 201, over 200']);
});

test('reports a measure without samples', () => {
  expect(overBounds(coursesOf([]), { MB: { most: 200 } })).toEqual(['MB: never measured']);
});

test('what could not be measured for a time is judged by the rest', () => {
  const some = samples((i) => 100 + 2 * i).map((sample, i) => (i % 2 === 0 ? sample : {}));
  expect(overBounds(coursesOf(some), { MB: { most: 200, growth: 1.1 } })).toHaveLength(3);
});

test('what was not measured in the last quarter is not taken for steady', () => {
  const gone = samples(() => 100).map((sample, i) => (i < 30 ? sample : {}));
  expect(overBounds(coursesOf(gone), { MB: { most: 200, growth: 1.1 } })).toEqual([
    'MB: a quarter not measured',
  ]);
});
