import { expect, test } from 'vitest';
import { VARIABLES } from '../../src/config/variables.ts';
import { loadYaml, problemsOf, yamlProblemsOf } from '../config/support.ts';
import fc from '../support/fast-check.ts';
import { anyText } from './odd-text.ts';

test('any text in any variable gives a configuration, or problems with remedies', () => {
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

test('a file of 20,000 unknown keys is reported line by line', () => {
  const problems = yamlProblemsOf(times(20_000, (index) => `k${index}: 1`).join('\n'));
  expect(problems).toEqual(
    times(20_000, (index) => expect.stringContaining(`${index + 1}: k${index}: unknown key`)),
  );
});

test('a file whose merges expand to too much is refused', () => {
  const base = `b: &b {${times(1_000, (index) => `k${index}: 1`).join(', ')}}`;
  const pools = times(20_000, (index) => `  us-east-1_A${index}: {<<: *b}`);
  const merged = [base, 'pools:', ...pools].join('\n');
  expect(yamlProblemsOf(merged)).toEqual([
    expect.stringMatching(/^1: the YAML is nested too deeply, or its aliases expand to too much/),
  ]);
});

test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
  'a key named %s is unknown wherever keys are not names',
  (name) => {
    for (const text of [
      `${name}: {maxRemovedRatio: 0.5}`,
      `pools:\n  us-east-1_A: {${name}: {maxRemovedRatio: 0.5}}`,
      `accounts:\n  ${name}: {us-east-1: {quotaShare: 0.5}}`,
      `accounts:\n  "123456789012": {${name}: {quotaShare: 0.5}}`,
      `pools:\n  us-east-1_A: {<<: {${name}: 1}}`,
    ]) {
      expect(yamlProblemsOf(text)).not.toEqual([]);
    }
    expect(Object.hasOwn(Object.prototype, 'maxRemovedRatio')).toBe(false);
  },
);

test('no pool is called __proto__', () => {
  expect(yamlProblemsOf('pools:\n  __proto__: {maxRemovedRatio: 0.5}')).not.toEqual([]);
});

test.each(['constructor', 'toString', 'hasOwnProperty'])(
  'a pool called %s has its own settings and no others',
  (name) => {
    const { pools } = loadYaml(`pools:\n  ${name}: {maxRemovedRatio: 0.5}`).file;
    expect([...pools]).toEqual([[name, expect.objectContaining({ maxRemovedRatio: 0.5 })]]);
  },
);
