import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from '../../src/simulator/generate/random.ts';
import { expectNothingTwice } from '../restore/support.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { readSeed } from '../support/seed.ts';

const POOL = 'us-east-1_Source';
const TARGET = 'us-east-1_Target';
const SEED = readSeed('RESTORE_SEED');

/** Reading the target of this test takes about so many requests. */
const READING = 8;

let mirror: CliMirror;
beforeAll(async () => {
  mirror = await openCliMirror({
    pools: [
      { id: POOL, users: 250, groups: 4 },
      { id: TARGET, users: 0, groups: 0 },
    ],
  });
  expect((await mirror.sync([POOL])).code).toBe(0);
});
afterAll(() => mirror.close());

const start = () =>
  mirror.start(['restore', '--from', `${POOL}/latest`, '--to', TARGET, '--json'], {
    MIRROR_WRITE_QUOTAS:
      'UserCreation=10000,UserAccountRecovery=10000,UserUpdate=10000,UserResourceUpdate=10000',
  });

/** Sends a signal at the moment at which the service gets so many requests more. */
async function stopAfter(requests: number, signal: 'SIGKILL' | 'SIGINT') {
  const { attempts } = mirror.simulator;
  const { child, result } = await start();
  const moment = attempts.total + requests;
  const arrive = attempts.arrive.bind(attempts);
  attempts.arrive = (arrival) => {
    if (attempts.total === moment) child.kill(signal);
    return arrive(arrival);
  };
  const ended = await result;
  attempts.arrive = arrive;
  // The service does what had reached it before it answers these.
  for (let turn = 0; turn < 2; turn += 1) {
    await fetch(`${mirror.simulator.url}/_simulator/health`);
  }
  return ended;
}

/** What a person sees of a pool, without what no restore can keep. */
function describePool(poolId: string): string[] {
  const pool = mirror.simulator.pool(poolId);
  const users = [...pool.users()].filter(
    ({ status }) => status !== 'EXTERNAL_PROVIDER' && status !== 'UNCONFIRMED',
  );
  return users.flatMap(({ username, enabled, attributes }) => [
    `${username} ${enabled} ${attributes.get('email')} ${attributes.get('name')}`,
    ...[...pool.groupNamesOf(username)].map((group) => `${username} in ${group}`),
  ]);
}

test(`killed and interrupted at random moments (RESTORE_SEED=${SEED}), the command completes the restore`, async () => {
  const random = new Random(SEED);
  for (let kill = 0; kill < 4; kill += 1) {
    const { code } = await stopAfter(READING + Math.floor(random.fraction() * 60), 'SIGKILL');
    expect(code).toBeNull();
  }
  const { code, stderr } = await stopAfter(READING + 60, 'SIGINT');
  expect(code).toBe(130);
  expect(stderr).toContain('What was written is recorded; run the same command again to resume.');
  const last = await (await start()).result;
  expect(last.code).toBe(0);
  expect(describePool(TARGET).sort()).toEqual(describePool(POOL).sort());
  expectNothingTwice(mirror.simulator);
  const again = JSON.parse((await (await start()).result).stdout);
  expect(again.plan.quotas).toEqual([]);
});
