import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BREAKAGES } from './breakage-list.mjs';

const DESIGN = fileURLToPath(new URL('../../../docs/DESIGN.md', import.meta.url));

/**
 * Finds entries of the list that no longer fit the code.
 *
 * @param {string} root the folder of the checkout
 * @param {typeof BREAKAGES} breakages
 * @returns {string[]} one sentence for each problem
 */
export function findStaleBreakages(root, breakages = BREAKAGES) {
  return breakages.flatMap(({ invariant, what, file, from, to, tests }) => {
    const name = `Breakage of invariant ${invariant} (${what})`;
    const problems = tests
      .filter((test) => !existsSync(join(root, test)))
      .map((test) => `${name}: ${test} does not exist.`);
    if (to === from) problems.push(`${name}: changes nothing.`);
    const path = join(root, file);
    if (!existsSync(path)) return [...problems, `${name}: ${file} does not exist.`];
    const places = readFileSync(path, 'utf8').split(from).length - 1;
    if (places !== 1) problems.push(`${name}: its text occurs ${places} times in ${file}.`);
    return problems;
  });
}

/** @returns {string[]} one sentence for each invariant of docs/DESIGN.md that no entry of the list breaks */
export function findUnbrokenInvariants() {
  const broken = new Set(BREAKAGES.map(({ invariant }) => invariant));
  const [, invariants = ''] = readFileSync(DESIGN, 'utf8').split('\n## Invariants\n');
  const [own = ''] = invariants.split('\n## ');
  return [...own.matchAll(/^(\d+)\. /gm)]
    .map(([, number]) => Number(number))
    .filter((invariant) => !broken.has(invariant))
    .map((invariant) => `Invariant ${invariant} has no breakage.`);
}
