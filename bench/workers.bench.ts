import { test } from 'vitest';
import { mostInAnySecond } from '../test/quota/sliding.ts';
import { startCli } from '../test/support/cli.ts';
import { openFleet, until } from '../test/support/fleet.ts';
import { report } from './support/figures.ts';

const RATE = 24;
const LATENCY_MS = 200;

/** How fast three workers read one pool together, second by second, by the simulator's own log. */
test('three workers on one pool, at 24 attempts a second and 200 ms an answer', async () => {
  const fleet = await openFleet({ users: 1, groups: 0 });
  // Its own process: what it does for itself must not keep the workers waiting.
  const simulator = await startCli([
    ...['simulator', '--port', '0', '--users', '60000', '--groups', '0'],
    ...['--seed', '71', '--rps', '0', '--latency-ms', String(LATENCY_MS)],
  ]);
  try {
    const url = await until('the simulator is ready', async () => simulator.output.stdout.trim());
    const change = {
      AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: url,
      MIRROR_USER_LIST_RPS: '30',
      MIRROR_QUOTA_SHARE: String(RATE / 30),
    };
    await Promise.all([fleet.worker(change), fleet.worker(change), fleet.worker(change)]);
    await fleet.trigger();
    await fleet.settled();
    const answer = await fetch(`${url}/_simulator/attempts?bucket=UserList`);
    const { attempts } = (await answer.json()) as { attempts: { at: number }[] };
    const perSecond = countBySecond(attempts.map(({ at }) => at));
    // The first second finds the parts of the pool; in the last one the pages run out.
    const steady = perSecond.slice(1, -1);
    await report('workers', {
      'three workers': {
        attempts: attempts.length,
        seconds: perSecond.length,
        'least in a second, of the share': Math.min(...steady) / RATE,
        'on average, of the share': steady.reduce((sum, n) => sum + n, 0) / steady.length / RATE,
        'most in any sliding second': mostInAnySecond(attempts.map(({ at }) => at)),
      },
    });
  } finally {
    simulator.child.kill();
    await fleet.close();
  }
}, 300_000);

function countBySecond(times: readonly number[]): number[] {
  const [first = 0] = times;
  const counts: number[] = [];
  for (const time of times) {
    const second = Math.floor((time - first) / 1000);
    counts[second] = (counts[second] ?? 0) + 1;
  }
  return Array.from(counts, (count) => count ?? 0);
}
