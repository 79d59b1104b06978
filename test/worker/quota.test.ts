import { afterEach, describe, expect, it } from 'vitest';
import { mostInAnySecond } from '../quota/sliding.ts';
import { type Fleet, openFleet, until } from '../support/fleet.ts';
import { expectPermitted, logPermits, type PermitLog } from '../support/permits.ts';

let fleet: Fleet;
let permits: PermitLog;
afterEach(async () => {
  await permits.close();
  await fleet.close();
});

describe('the quota of an account and Region', () => {
  it('is respected in every sliding second, with a worker killed and Redis flushed', async () => {
    const rate = 20;
    fleet = await openFleet({ users: 7_000, groups: 20, seed: 302, latencyMs: 20 });
    permits = await logPermits(fleet.redis);
    // Straight to the simulator: the proxy would add its own delays to when attempts arrive.
    const change = {
      MIRROR_USER_LIST_RPS: '25',
      MIRROR_QUOTA_SHARE: '0.8',
      AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: fleet.simulator.url,
    };
    const workers = await Promise.all([1, 2, 3].map(() => fleet.worker(change)));
    const { attempts } = fleet.simulator;
    const seen = (count: number) =>
      until(`${count} attempts`, async () => attempts.count({ bucket: 'UserList' }) >= count);
    await fleet.trigger();
    await seen(60);
    workers[0]?.child.kill('SIGKILL');
    await seen(120);
    const flushedAt = Date.now();
    await fleet.redis.flush();
    expect(await fleet.settled()).toMatchObject({ outcome: 'done' });

    const times = attempts.entries({ bucket: 'UserList' }).map(({ at }) => at);
    const dueTimes = await permits.dueTimes('UserList');
    // Each of the two other workers may hold a permit that it reserved before Redis forgot it.
    expectPermitted(times, dueTimes, rate + 3);
    const isBefore = (at: number) => at < flushedAt;
    expect(mostInAnySecond(dueTimes.filter(isBefore))).toBeLessThanOrEqual(rate + 1);
    const isAfter = (at: number) => at >= flushedAt + 1_000;
    expect(mostInAnySecond(dueTimes.filter(isAfter))).toBeLessThanOrEqual(rate + 1);
  });
});
