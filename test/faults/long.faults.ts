import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { mix } from '../../src/simulator/generate/random.ts';
import { drawSeed } from '../support/seed.ts';
import { openBackends } from './support/backends.ts';
import { type Case, type CaseReport, drawCase, playCase } from './support/case.ts';

/** `FAULTS_SEED` repeats a run; `FAULTS_CASE` repeats one case; `FAULTS_LONG_WALKS=1` logs every stage. */
const seed = drawSeed('FAULTS_SEED');
const single = process.env['FAULTS_CASE'];
const cases = single === undefined ? Number(process.env['FAULTS_CASES'] ?? 500) : 1;
const allLong = process.env['FAULTS_LONG_WALKS'] === '1';
/** Cases side by side: most of a case's time is spent waiting. */
const LANES = 4;

const RESULTS = new URL('results.json', import.meta.url);

interface Failure {
  readonly seed: number;
  readonly error: string;
}

it(`keeps every promise in ${cases} drawn cases`, async () => {
  const seeds =
    single === undefined ? Array.from({ length: cases }, (_, i) => mix(seed, i)) : [Number(single)];
  const waiting = [...seeds];
  const played: CaseReport[] = [];
  const failures: Failure[] = [];
  const started = performance.now();
  const draw = (of: number): Case => {
    const drawn = drawCase(of);
    return allLong ? { ...drawn, longWalks: true } : drawn;
  };
  const playInLane = async () => {
    const backends = await openBackends();
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (waiting.length % 50 === 0) console.log(`${waiting.length} cases to go`);
        try {
          played.push(await playCase(backends, draw(next)));
        } catch (error) {
          failures.push({ seed: next, error: String((error as Error).message) });
          console.log(`FAULTS_CASE=${next}`, JSON.stringify(draw(next)), error);
        }
      }
    } finally {
      await backends.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(LANES, cases) }, playInLane));
  const injected = countInjected(played);
  console.table(injected);
  if (single === undefined) {
    const minutes = Math.round((performance.now() - started) / 6_000) / 10;
    const results = { seed, cases, minutes, failures, injected };
    await writeFile(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  }
  expect(failures).toEqual([]);
}, 7_200_000);

/** How often each fault was injected. */
function countInjected(played: readonly CaseReport[]): Record<string, number> {
  const injected: Record<string, number> = {};
  for (const fault of played.flatMap((report) => report.injected)) {
    injected[fault] = (injected[fault] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(injected).sort(([a], [b]) => (a < b ? -1 : 1)));
}
