import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { listChildren } from '../src/cognito/shards.ts';
import { startSimulator } from '../src/simulator/server.ts';
import { openService, POOL } from '../test/cognito/support.ts';
import { moment, startPermitTaker } from '../test/quota/permit-takers.ts';
import { mostInAnySecond } from '../test/quota/sliding.ts';
import { openTestBuckets } from '../test/support/buckets.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { type Figures, report } from './support/figures.ts';

const SHARE = 0.8;
const USER_LIST_RPS = 30;
/** Attempts a second that a limiter may release. */
const RATE = SHARE * USER_LIST_RPS;
const SECONDS = 10;
const CALLERS = 8;

/** How close limiters come to their rate. The tests check that they never exceed it. */
test('limiter', async () => {
  await report('limiter', {
    'one process': await measureOneProcess(),
    'three processes over Redis': await measureThreeProcesses(),
    'walks side by side': await measureWalks(),
  });
}, 120_000);

async function measureOneProcess(): Promise<Figures> {
  const buckets = openTestBuckets({ share: SHARE, userListRps: USER_LIST_RPS });
  onTestFinished(() => buckets.close());
  const releases: number[] = [];
  await callFor(CALLERS, (signal) =>
    buckets.run('ListUsers', POOL, async () => releases.push(moment()), signal),
  );
  return summarize(releases);
}

async function measureThreeProcesses(): Promise<Figures> {
  const server = await startRedis();
  onTestFinished(() => server.close());
  const takers = [1, 2, 3].map(() =>
    startPermitTaker({ url: server.url, share: SHARE, userListRps: USER_LIST_RPS }),
  );
  for (const { releases } of takers) {
    await expect.poll(() => releases.length, { timeout: 60_000 }).toBeGreaterThan(2);
  }
  const start = moment();
  await sleep(SECONDS * 1_000);
  const releases = takers.map((taker) => taker.releases.filter((at) => at >= start));
  await Promise.all(takers.map((taker) => taker.stop()));
  const all = releases.flat();
  return {
    ...summarize(all.filter((at) => at < start + SECONDS * 1_000)),
    'smallest share of a process': Math.min(...releases.map(({ length }) => length)) / all.length,
  };
}

async function measureWalks(): Promise<Figures> {
  const simulator = await startSimulator({ users: 20_000, groups: 0, rps: USER_LIST_RPS });
  onTestFinished(() => simulator.close());
  const service = openService(simulator.url, { share: SHARE, userListRps: USER_LIST_RPS });
  onTestFinished(() => service.close());
  const prefixes = listChildren('');
  let next = 0;
  await callFor(prefixes.length, async (signal) => {
    const prefix = prefixes[next++ % prefixes.length] as string;
    for await (const page of service.cognito.userPages(POOL, prefix, { token: null }, signal)) {
      if (page.nextToken === null) return;
    }
  });
  return {
    ...summarize(service.releases.map(({ at }) => at)),
    throttled: service.meter.counts.throttled,
  };
}

/** Calls over and over, so many side by side, until the time is over. */
async function callFor(callers: number, call: (signal: AbortSignal) => Promise<unknown>) {
  const signal = AbortSignal.timeout(SECONDS * 1_000);
  const repeat = async () => {
    while (!signal.aborted) await call(signal).catch(() => {});
  };
  await Promise.all(Array.from({ length: callers }, repeat));
}

function summarize(releases: readonly number[]): Figures {
  return {
    'attempts a second, of the rate': releases.length / SECONDS / RATE,
    'most in any second': mostInAnySecond(releases),
    'allowed in any second': Math.ceil(RATE) + 1,
  };
}
