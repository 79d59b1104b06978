import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type Fleet, openFleet } from '../support/fleet.ts';

let fleet: Fleet;
afterEach(() => fleet.close());

const WINDOW_MS = 1000;

/** The most attempts of a bucket within any sliding second that does not touch `except`. */
function peakOutside(times: readonly number[], except: { from: number; to: number }): number {
  const windows = times.map((start) => {
    const end = start + WINDOW_MS;
    if (start <= except.to && end >= except.from) return 0;
    return times.filter((time) => time >= start && time < end).length;
  });
  return Math.max(...windows);
}

describe('the quota of an account and Region', () => {
  it('is respected in every sliding second, with a worker killed and Redis flushed', async () => {
    const rate = 20;
    fleet = await openFleet({ users: 7_000, groups: 20, seed: 302, latencyMs: 20 });
    // Straight to the simulator: the proxy would add its own delays to when attempts arrive.
    const change = {
      MIRROR_USER_LIST_RPS: '25',
      MIRROR_QUOTA_SHARE: '0.8',
      AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: fleet.simulator.url,
    };
    const workers = await Promise.all([1, 2, 3].map(() => fleet.worker(change)));
    await fleet.trigger();
    await sleep(4000);
    workers[0]?.child.kill('SIGKILL');
    await sleep(3000);
    const from = fleet.simulator.attempts.entries().at(-1)?.at ?? 0;
    await fleet.redis.flush();
    expect(await fleet.settled()).toMatchObject({ outcome: 'done' });

    const times = fleet.simulator.attempts.entries({ bucket: 'UserList' }).map(({ at }) => at);
    const flushed = { from, to: from + WINDOW_MS };
    expect(peakOutside(times, flushed)).toBeLessThanOrEqual(rate + 1);
    // A turn that each of the two others had been given before Redis forgot it.
    expect(fleet.simulator.attempts.peak({ bucket: 'UserList' })).toBeLessThanOrEqual(rate + 3);
  });
});
