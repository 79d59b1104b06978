import { expect, test } from 'vitest';
import { VARIABLES } from '../../src/config/variables.ts';
import { problemsOf, yamlProblemsOf } from '../config/support.ts';
import fc from '../support/fast-check.ts';
import { anyText } from './odd-text.ts';

test('any text in any variable is a configuration or a list of problems with what to do', () => {
  const names = Object.keys(VARIABLES);
  const environment = fc.dictionary(fc.constantFrom(...names, 'MIRROR_X'), anyText, { minKeys: 1 });
  fc.assert(
    fc.property(environment, fc.boolean(), (env, worker) => {
      for (const problem of problemsOf(env, { worker })) {
        expect(problem).toMatch(/^[A-Z_]+(?: \(.*\))?: .+[.?)] [A-Z].*[.)]$/s);
      }
    }),
    { numRuns: 1_000 },
  );
});

const times = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => text(index));

test('a file of nothing but wrong keys is told of line by line', () => {
  const problems = yamlProblemsOf(times(20_000, (index) => `k${index}: 1`).join('\n'));
  expect(problems).toEqual(
    times(20_000, (index) => expect.stringContaining(`${index + 1}: k${index}: there is no such`)),
  );
});

test('a file that merges much into much is refused', () => {
  const base = `b: &b {${times(1_000, (index) => `k${index}: 1`).join(', ')}}`;
  const pools = times(20_000, (index) => `  us-east-1_A${index}: {<<: *b}`);
  const merged = [base, 'pools:', ...pools].join('\n');
  expect(yamlProblemsOf(merged)).toEqual([
    expect.stringMatching(/^1: the text is nested too deeply, or its aliases unfold to too much/),
  ]);
});

test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
  'a key named %s is a key that is not known, wherever it stands',
  (name) => {
    for (const text of [
      `${name}: {maxRemoved: 0.5}`,
      `pools:\n  ${name}: {maxRemoved: 0.5}`,
      `pools:\n  us-east-1_A: {${name}: {maxRemoved: 0.5}}`,
      `accounts:\n  ${name}: {us-east-1: {quotaShare: 0.5}}`,
      `accounts:\n  "123456789012": {${name}: {quotaShare: 0.5}}`,
      `pools:\n  us-east-1_A: {<<: {${name}: 1}}`,
    ]) {
      expect(yamlProblemsOf(text)).not.toEqual([]);
    }
    expect(Object.hasOwn(Object.prototype, 'maxRemoved')).toBe(false);
  },
);
