import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import type { Status } from '../../src/runner/status.ts';
import { expectQuiet, type Fleet, openFleet, until } from '../support/fleet.ts';
import { expectNoAttemptSpent } from '../support/job-queues.ts';
import { expectSnapshots } from '../support/outcome.ts';
import { troubleIn } from '../support/worker-log.ts';

let fleet: Fleet;
afterEach(() => fleet.close());

/** So that a pool's walks take some seconds. */
const PACE = { MIRROR_USER_LIST_RPS: '20' };

it('a Redis that is full for some seconds costs no attempt and loses nothing', async () => {
  fleet = await openFleet({ users: 900, groups: 10, seed: 387 });
  const workers = await Promise.all([fleet.worker(PACE), fleet.worker(PACE)]);
  await fleet.trigger();
  await until('walks are read', async () => fleet.simulator.attempts.count() >= 15);
  await fleet.redis.command('CONFIG', 'SET', 'maxmemory', 1);
  const before = await expectQuiet(fleet, workers, 1_000);
  // Long enough for the workers to try Redis many times.
  await sleep(7_000);
  expect(fleet.simulator.attempts.total).toBe(before);
  for (const worker of workers) {
    // Readiness is public, so only the log and `status` have the cause.
    expect(await (await fetch(`${worker.url}/readyz`)).json()).toMatchObject({
      checks: { redis: { ok: false, problem: 'Redis refuses commands; the log says why.' } },
    });
  }
  await until('status names the cause', async () => {
    const { stdout } = await fleet.run(['status', '--json']);
    const { workers: rows } = JSON.parse(stdout) as Status;
    return rows.every(({ problem }) => problem?.includes('CONFIG SET maxmemory'));
  });
  await fleet.redis.command('CONFIG', 'SET', 'maxmemory', 0);
  await fleet.settled();
  await expectSnapshots(fleet, 1);
  await expectNoAttemptSpent(fleet);
  for (const worker of workers) {
    expect(worker.child.exitCode).toBeNull();
    expect(troubleIn(worker)).toEqual([
      expect.stringMatching(/^Redis refuses commands: .* Redis/),
      expect.stringMatching(/^reconnected to a server: .* Redis/),
    ]);
  }
});

it.each(['sync', 'worker'])(
  '%s refuses a Redis user without channels, the default of Redis 7',
  async (command) => {
    fleet = await openFleet({ users: 10 });
    await fleet.redis.command('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '+@all');
    const { code, stderr } = await fleet.run([command], {
      REDIS_URL: fleet.redis.url.replace('redis://', 'redis://app:pw@'),
      PORT: '0',
    });
    expect(code).toBe(2);
    expect(stderr).toContain('ACL SETUSER app &*');
  },
);
