import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { BREAKAGES } from './support/breakage-list.mjs';

test.each(BREAKAGES)('what breaks invariant $invariant ($what) still applies', (breakage) => {
  const { file, from, to, tests } = breakage;
  expect(readFileSync(file, 'utf8').split(from)).toHaveLength(2);
  expect(to).not.toBe(from);
  expect(tests.filter((name) => !existsSync(name))).toEqual([]);
});

test('every invariant has something that breaks it', () => {
  const broken = new Set(BREAKAGES.map(({ invariant }) => invariant));
  expect([...broken].sort((a, b) => a - b)).toEqual(Array.from({ length: 13 }, (_, i) => i + 1));
});
