import {
  AdminGetUserCommand,
  ListGroupsCommand,
  ListUsersCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { expect, test } from 'vitest';
import { AttemptLog } from '../../src/simulator/attempt-log.ts';
import fc from '../support/fast-check.ts';
import { failure, POOL, simulate } from './support.ts';

test('every request is logged with its arrival, bucket and outcome', async () => {
  const { simulator, client } = await simulate({ rps: 1, now: () => 0 });
  const before = Date.now();
  await client.send(new ListUsersCommand({ UserPoolId: POOL }));
  await failure(client.send(new ListUsersCommand({ UserPoolId: POOL })));
  await failure(client.send(new AdminGetUserCommand({ UserPoolId: POOL, Username: 'nobody' })));
  await fetch(simulator.url, { method: 'POST' });
  const entries = simulator.attempts.entries();
  const place = { poolId: POOL, injected: false };
  expect(entries).toMatchObject([
    {
      ...place,
      sequence: 0,
      operation: 'ListUsers',
      bucket: 'UserList',
      outcome: 'ok',
      error: null,
    },
    { ...place, operation: 'ListUsers', outcome: 'throttled', error: 'TooManyRequestsException' },
    {
      ...place,
      operation: 'AdminGetUser',
      bucket: 'UserRead',
      subject: 'nobody',
      outcome: 'error',
      error: 'UserNotFoundException',
    },
    {
      sequence: 3,
      poolId: null,
      bucket: null,
      outcome: 'error',
      error: 'UnknownOperationException',
    },
  ]);
  for (const [index, { at, since }] of entries.entries()) {
    expect(Math.abs(at - before)).toBeLessThan(60_000);
    expect(since).toBeGreaterThanOrEqual(entries[index - 1]?.since ?? 0);
  }
});

test('the log counts, filters and clears requests', async () => {
  const { simulator, client } = await simulate();
  const { attempts } = simulator;
  for (let turn = 0; turn < 3; turn += 1)
    await client.send(new ListUsersCommand({ UserPoolId: POOL }));
  await client.send(new ListGroupsCommand({ UserPoolId: POOL }));
  expect(attempts.count()).toBe(4);
  expect(attempts.count({ operation: 'ListUsers' })).toBe(3);
  expect(attempts.count({ bucket: 'UserPoolResourceRead', outcome: 'ok' })).toBe(1);
  attempts.clear();
  expect([attempts.count(), attempts.total]).toEqual([0, 4]);
  await client.send(new ListGroupsCommand({ UserPoolId: POOL }));
  expect(attempts.entries()).toMatchObject([{ sequence: 4, operation: 'ListGroups' }]);
});

test('the log keeps the last attempts up to its capacity', () => {
  const log = new AttemptLog(3);
  for (let at = 0; at < 5; at += 1) log.settle(log.arrive({ at, since: at }), { outcome: 'ok' });
  expect(log.entries().map((attempt) => attempt.at)).toEqual([2, 3, 4]);
  expect(log.total).toBe(5);
  log.settle(0, { outcome: 'throttled' });
  expect(log.count({ outcome: 'throttled' })).toBe(0);
});

test('the peak is the highest number of arrivals in any window', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5000 })), (times) => {
      const log = new AttemptLog(1000);
      const sorted = times.toSorted((a, b) => a - b);
      for (const at of sorted) log.arrive({ at, since: at });
      const counts = sorted.map(
        (end) => sorted.filter((at) => at <= end && at > end - 1000).length,
      );
      expect(log.peak()).toBe(Math.max(0, ...counts));
    }),
  );
});

test('the control paths serve log, faults and health', async () => {
  const { simulator, client } = await simulate();
  const control = `${simulator.url}/_simulator`;
  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(`${control}/${path}`, init);
    return { status: response.status, body: await response.json() };
  };
  expect(await ask('health')).toEqual({ status: 200, body: { ok: true } });
  await client.send(new ListUsersCommand({ UserPoolId: POOL }));
  await client.send(new ListGroupsCommand({ UserPoolId: POOL }));
  const all = await ask('attempts');
  expect(all.body).toEqual({ total: 2, attempts: simulator.attempts.entries() });
  const some = await ask('attempts?operation=ListGroups');
  expect(some.body).toMatchObject({ total: 2, attempts: [{ operation: 'ListGroups' }] });

  const faults = { throttle: 0.5, drop: { rate: 0.1, operations: ['ListUsers'] } };
  const set = await ask('faults', { method: 'POST', body: JSON.stringify(faults) });
  expect(set).toEqual({ status: 200, body: faults });
  expect(await ask('faults')).toEqual({ status: 200, body: faults });
  for (const body of [
    '{"throttle":2}',
    '{"nope":1}',
    'no json',
    '[1]',
    '{"throttle":"often"}',
    '{"drop":null}',
    '{"drop":{"rate":1}}',
    '{"drop":{"rate":1,"operations":[7]}}',
  ]) {
    const refused = await ask('faults', { method: 'POST', body });
    expect(refused).toMatchObject({ status: 400, body: { error: expect.any(String) } });
  }
  expect(simulator.faults.settings).toEqual(faults);

  expect((await ask('attempts', { method: 'DELETE' })).status).toBe(200);
  expect(simulator.attempts.count()).toBe(0);
  expect((await ask('nothing')).status).toBe(404);
});
