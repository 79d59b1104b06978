/**
 * Shows that the tests of each invariant can fail: breaks one promise after the other in a scratch
 * copy and runs the tests that should catch it. `npm run test:breakages -- [WORD…]` runs the breakages
 * whose text contains every word; without words, all. `breakages.json` has the last result of each.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BREAKAGES } from './support/breakage-list.mjs';
import { findStaleBreakages, findUnbrokenInvariants } from './support/stale-breakages.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const words = process.argv.slice(2);
const chosen = BREAKAGES.filter(({ what }) => words.every((word) => what.includes(word)));
const problems =
  chosen.length === 0
    ? [`No breakage contains ${words.join(' and ')}.`]
    : [...findStaleBreakages(ROOT, chosen), ...findUnbrokenInvariants()];
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
const scratch = mkdtempSync(join(tmpdir(), 'cognito-mirror-broken-'));
try {
  const files = execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' });
  for (const file of files.trim().split('\n')) cpSync(join(ROOT, file), join(scratch, file));
  symlinkSync(join(ROOT, 'node_modules'), join(scratch, 'node_modules'));
  const results = chosen.map(tryBreakage);
  console.table(results);
  record(results);
  process.exitCode = results.every(({ caughtBy }) => caughtBy.length > 0) ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** @param {ReturnType<typeof tryBreakage>[]} results */
function record(results) {
  const path = fileURLToPath(new URL('breakages.json', import.meta.url));
  /** @type {typeof results} */
  const earlier = JSON.parse(readFileSync(path, 'utf8'));
  const known = new Map([...earlier, ...results].map((each) => [each.what, each]));
  const listed = BREAKAGES.flatMap(({ what }) => known.get(what) ?? []);
  writeFileSync(path, `${JSON.stringify(listed, null, 2)}\n`);
}

/** @param {(typeof BREAKAGES)[number]} breakage */
function tryBreakage({ invariant, what, file, from, to, tests }) {
  const path = join(scratch, file);
  const whole = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    whole.replace(from, () => to),
  );
  try {
    const caughtBy = tests.filter((test) => countFailedTests(test) > 0);
    console.log(`${invariant}: ${what}: ${caughtBy.join(', ') || 'NOT CAUGHT'}`);
    return { invariant, what, caughtBy };
  } finally {
    writeFileSync(path, whole);
  }
}

/**
 * Counts the failed tests of a file. Throws if the run breaks off before any test fails, because
 * then it proves nothing.
 *
 * @param {string} test
 */
function countFailedTests(test) {
  const report = join(scratch, 'report.json');
  rmSync(report, { force: true });
  const vitest = join(scratch, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', test, '--reporter=json', `--outputFile=${report}`];
  spawnSync(process.execPath, args, { cwd: scratch, stdio: 'ignore' });
  const { success, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'));
  if (!success && numFailedTests === 0)
    throw new Error(`${test} broke off before any test failed.`);
  return numFailedTests;
}
