import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'vitest';
import { stopEmbedded } from '../test/support/cli-mirror.ts';
import { report } from './support/figures.ts';
import { openLab } from './support/lab.ts';

const MAIN = fileURLToPath(new URL('../bin/cognito-mirror.mjs', import.meta.url));
const RUNS = 15;

/** How long a person waits before anything happens. */
test('start', async () => {
  const lab = await openLab(['--users', '100', '--groups', '2', '--rps', '0']);
  try {
    const node: number[] = [];
    const help: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      node.push(millisecondsOf(['-e', '0']));
      help.push(millisecondsOf([MAIN, '--help']));
    }
    // Its own Postgres under its home, which the first of these makes.
    const embedded = { DATABASE_URL: '' };
    await firstCall(lab, embedded);
    const calls: number[] = [];
    for (let run = 0; run < 5; run += 1) calls.push(await firstCall(lab, embedded));
    await report('start', {
      median: {
        'node -e 0: ms': median(node),
        '--help: ms': median(help),
        '--help, times node -e 0': median(help) / median(node),
        'sync to its first call, embedded Postgres used before: ms': median(calls),
        'at most': Math.max(...calls),
      },
    });
  } finally {
    await stopEmbedded(`${lab.folder}/.cognito-mirror`);
    await lab.close();
  }
}, 300_000);

function millisecondsOf(args: readonly string[]): number {
  const started = performance.now();
  execFileSync(process.execPath, args, { stdio: 'ignore' });
  return performance.now() - started;
}

/** Milliseconds from the start of `sync` to the arrival of its first call at the simulator. */
async function firstCall(
  lab: Awaited<ReturnType<typeof openLab>>,
  change: Readonly<Record<string, string>>,
): Promise<number> {
  await fetch(`${lab.url}/_simulator/attempts`, { method: 'DELETE' });
  const { started } = await lab.sync(change);
  const answer = await fetch(`${lab.url}/_simulator/attempts`);
  const { attempts } = (await answer.json()) as { attempts: { at: number }[] };
  return (attempts[0]?.at ?? Number.NaN) - started;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
