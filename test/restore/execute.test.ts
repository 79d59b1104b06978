import { describe, expect, test } from 'vitest';
import { NotAuthorizedError, ServiceUnavailableError } from '../../src/cognito/errors.ts';
import { InterruptedError } from '../../src/model/errors.ts';
import type { CreateUserTask, RestoreTask, UpdateUserTask } from '../../src/model/restore.ts';
import { readUnfinished } from '../../src/restore/journal.ts';
import { QUICK, rejection } from '../cognito/support.ts';
import { createSource, planTasks, readPool } from './pool-model.ts';
import { expectNothingTwice, openWorld, type World } from './support.ts';

const SOURCE = createSource(30, 4);

/** Runs what is left to do. */
const restore = async ({ simulator, place, run }: World) =>
  run(planTasks(SOURCE, simulator.pool(), await readUnfinished(place)));

const ANN: CreateUserTask = {
  entity: 'user',
  action: 'create',
  username: 'ann',
  sub: 'old-ann',
  signInName: 'ann',
  attributes: { email: 'ann@example.com', email_verified: 'true' },
  enabled: true,
  mfa: null,
};
const CHANGE_ANN: UpdateUserTask = {
  entity: 'user',
  action: 'update',
  username: 'ann',
  sub: 'old-ann',
  target: { username: 'ann', sub: 'new-ann' },
  attributes: {},
  enabled: null,
  password: false,
  mfa: null,
};

describe('a restore', () => {
  test('makes the pool equal to its source, and then has nothing left to do', async () => {
    const world = await openWorld();
    const progress = await restore(world);
    expect(readPool(world.simulator.pool())).toEqual(SOURCE);
    for (const user of world.simulator.pool().users()) expect(user.status).toBe('CONFIRMED');
    expect(progress.of('group')).toEqual({ created: 4, updated: 0, failed: 0 });
    expect(progress.of('user')).toEqual({ created: 30, updated: 0, failed: 0 });
    expect(progress.of('link')).toEqual({ created: 10, updated: 0, failed: 0 });
    expect(progress.failed).toBe(0);
    expectNothingTwice(world.simulator);
    expect(planTasks(SOURCE, world.simulator.pool())).toEqual([]);
  });

  test('writes one kind after the other, and makes each user usable before it is disabled', async () => {
    const world = await openWorld();
    await restore(world);
    const calls = world.simulator.attempts.entries();
    const ranks = calls.map(({ operation }) =>
      ['CreateGroup', 'AdminAddUserToGroup', 'AdminLinkProviderForUser'].indexOf(operation),
    );
    // Users have the rank between groups and memberships.
    const order = ranks.map((rank) => (rank === -1 ? 0.5 : rank));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    const ofUser = calls.filter(({ subject }) => subject === 'user-20');
    expect(ofUser.map(({ operation }) => operation)).toEqual([
      'AdminCreateUser',
      'AdminSetUserPassword',
      'AdminDisableUser',
      'AdminSetUserMFAPreference',
    ]);
  });

  test('leaves users that wait for a new password, with temporary ones', async () => {
    const { simulator, run } = await openWorld();
    await run([ANN], { password: 'temporary' });
    expect(simulator.pool().user('ann').status).toBe('FORCE_CHANGE_PASSWORD');
    expect(simulator.attempts.count({ operation: 'AdminSetUserPassword' })).toBe(0);
  });

  test('changes only what differs', async () => {
    const { simulator, run } = await openWorld();
    simulator.pool().createUser({ username: 'ann', status: 'CONFIRMED', mfaSettings: ['SMS_MFA'] });
    simulator.pool().createGroup('staff', { description: 'Staff', precedence: 1 });
    const progress = await run([
      {
        entity: 'group',
        action: 'update',
        groupName: 'staff',
        description: null,
        roleArn: null,
        precedence: 5,
      },
      { ...CHANGE_ANN, attributes: { name: 'Ann' }, enabled: false },
    ]);
    expect(simulator.pool().group('staff')).toMatchObject({ description: 'Staff', precedence: 5 });
    expect(simulator.pool().user('ann')).toMatchObject({ enabled: false, status: 'CONFIRMED' });
    const sent = simulator.attempts.entries().map(({ operation }) => operation);
    expect(sent).toEqual(['UpdateGroup', 'AdminUpdateUserAttributes', 'AdminDisableUser']);
    expect(progress.of('user')).toEqual({ created: 0, updated: 1, failed: 0 });
  });

  test('completes a user whose creation was interrupted, and sets no second factor twice', async () => {
    const { simulator, run } = await openWorld();
    simulator.pool().createUser({ username: 'ann', attributes: { phone_number: '+4179' } });
    const mfa = { settings: ['SMS_MFA'], preferred: 'SMS_MFA' } as const;
    await run([{ ...CHANGE_ANN, password: true, mfa }]);
    expect(simulator.pool().user('ann')).toMatchObject({
      status: 'CONFIRMED',
      preferredMfa: 'SMS_MFA',
    });
    await run([{ ...CHANGE_ANN, mfa }]);
    expect(simulator.attempts.count({ operation: 'AdminSetUserMFAPreference' })).toBe(1);
  });

  test('uses the usernames that a pool makes, for memberships and links', async () => {
    const id = 'us-east-1_Mail';
    const settings = { usernameAttributes: ['email'] };
    const { simulator, run, entries } = await openWorld({ pools: [{ id, settings }] });
    const pool = simulator.pool(id);
    pool.createGroup('staff');
    const belongs = { username: 'ann', target: null } as const;
    const tasks: RestoreTask[] = [
      { ...ANN, signInName: 'ann@example.com' },
      { entity: 'membership', action: 'create', groupName: 'staff', ...belongs },
      { entity: 'link', action: 'create', providerName: 'Google', userId: '7', ...belongs },
    ];
    const progress = await run(tasks, { poolId: id });
    expect(progress.failed).toBe(0);
    const [made] = [...pool.members('staff')];
    expect(made?.username).toBe(made?.attributes.get('sub'));
    expect(made?.attributes.get('identities')).toContain('"userId":"7"');
    const target = { username: made?.username, sub: made?.username };
    expect(await entries()).toContainEqual(
      expect.objectContaining({ event: 'done', entity: 'user', sub: 'old-ann', target }),
    );
  });
});

describe('an entity that fails is listed, and the others go on:', () => {
  test('a trigger that refuses; once it accepts, the next run completes the pool', async () => {
    const world = await openWorld();
    const pool = world.simulator.pool();
    Object.assign(pool.settings, { triggers: { PreSignUp: 'arn:aws:lambda:x:1:function:f' } });
    pool.refusals.set('PreSignUp', 'not today, user-1@example.com');
    const progress = await restore(world);
    expect(progress.of('group').created).toBe(4);
    expect(progress.of('user')).toEqual({ created: 0, updated: 0, failed: 30 });
    expect(progress.reasons.get('trigger-refused')).toBe(30);
    expect(progress.reasons.get('not-restored')).toBe(
      progress.of('membership').failed + progress.of('link').failed,
    );
    expect(JSON.stringify(await world.entries())).not.toContain('not today');
    pool.refusals.clear();
    expect((await restore(world)).failed).toBe(0);
    expect(readPool(pool)).toEqual(SOURCE);
    expectNothingTwice(world.simulator);
  });

  test('an alias of another user is never moved', async () => {
    const { simulator, run, entries } = await openWorld();
    const pool = simulator.pool();
    Object.assign(pool.settings, { aliasAttributes: ['email'] });
    pool.createUser({ username: 'eve', attributes: { ...ANN.attributes } });
    const bob = { ...ANN, username: 'bob', signInName: 'bob', attributes: {} };
    const progress = await run([ANN, bob]);
    expect([...progress.reasons]).toEqual([['alias-conflict', 1]]);
    expect(pool.hasUser('ann')).toBe(false);
    expect(pool.user('ann@example.com').username).toBe('eve');
    expect(pool.user('bob').status).toBe('CONFIRMED');
    expect(await entries()).toContainEqual({
      event: 'failed',
      entity: 'user',
      action: 'create',
      name: 'ann',
      reason: 'alias-conflict',
      problem: expect.stringMatching(/^AdminCreateUser of us-east-1_Simulated: another user/),
    });
  });

  test('a user and a group that were deleted meanwhile', async () => {
    const { simulator, run } = await openWorld();
    simulator.pool().createUser({ username: 'bob' });
    simulator.pool().createGroup('staff');
    const member = { entity: 'membership', action: 'create', groupName: 'staff' } as const;
    const progress = await run([
      { ...CHANGE_ANN, enabled: false },
      { ...member, username: 'ann', target: 'ann' },
      { ...member, username: 'bob', target: 'bob' },
      { ...member, username: 'bob', target: 'bob', groupName: 'gone' },
    ]);
    expect([...progress.reasons]).toEqual([
      ['user-missing', 2],
      ['group-missing', 1],
    ]);
    expect([...simulator.pool().members('staff')].map(({ username }) => username)).toEqual(['bob']);
  });

  test('a user is disabled even if its attributes are refused', async () => {
    const { simulator, run } = await openWorld();
    simulator.pool().createUser({ username: 'ann', status: 'CONFIRMED' });
    const progress = await run([
      { ...CHANGE_ANN, attributes: { 'custom:unknown': 'x' }, enabled: false },
    ]);
    expect([...progress.reasons]).toEqual([['invalid-parameter', 1]]);
    expect(simulator.pool().user('ann').enabled).toBe(false);
  });

  test('more than five links, and a provider that the target lacks', async () => {
    const { simulator, run } = await openWorld();
    simulator.pool().createUser({ username: 'ann' });
    const link = { entity: 'link', action: 'create', username: 'ann', target: 'ann' } as const;
    const progress = await run([
      ...Array.from({ length: 6 }, (_, i) => ({
        ...link,
        providerName: 'Google',
        userId: `${i}`,
      })),
      { ...link, providerName: 'Nobody', userId: '1' },
    ]);
    expect(progress.of('link').created).toBe(5);
    expect([...progress.reasons].sort()).toEqual([
      ['limit', 1],
      ['provider-missing', 1],
    ]);
  });

  test('a user of that name is there and differs', async () => {
    const { simulator, run } = await openWorld();
    simulator.pool().createUser({ username: 'ann', attributes: { email: 'eve@example.com' } });
    simulator.pool().createGroup('staff', { description: 'Others' });
    const fields = { description: 'Staff', roleArn: null, precedence: null };
    const progress = await run([
      { entity: 'group', action: 'create', groupName: 'staff', ...fields },
      ANN,
    ]);
    expect([...progress.reasons].sort()).toEqual([
      ['group-exists', 1],
      ['user-exists', 1],
    ]);
    expect(simulator.pool().user('ann').status).toBe('FORCE_CHANGE_PASSWORD');
  });
});

test('what a lost answer left is taken for done, and completed', async () => {
  const { simulator, run } = await openWorld();
  simulator.pool().createUser({ username: 'ann', attributes: { ...ANN.attributes } });
  simulator.pool().createGroup('staff', { description: 'Staff' });
  simulator.pool().createUser({ username: 'bob' });
  const identity = { providerName: 'Google', userId: '7' };
  simulator.pool().linkIdentity('bob', { ...identity, providerType: 'Google' });
  const fields = { description: 'Staff', roleArn: null, precedence: null };
  const tasks: RestoreTask[] = [
    { entity: 'group', action: 'create', groupName: 'staff', ...fields },
    ANN,
    { entity: 'link', action: 'create', username: 'bob', target: 'bob', ...identity },
  ];
  expect((await run(tasks)).failed).toBe(0);
  expect(simulator.pool().user('ann').status).toBe('CONFIRMED');
});

test('throttling, failures and lost answers change nothing in the result', async () => {
  const faults = { throttle: 0.2, 'internal-error': 0.1, drop: 0.1 };
  const world = await openWorld({ faults, seed: 3 });
  const progress = await restore(world);
  expect(progress.failed).toBe(0);
  expect(readPool(world.simulator.pool())).toEqual(SOURCE);
  expect(world.simulator.attempts.count({ outcome: 'throttled' })).toBeGreaterThan(10);
  expect(world.simulator.attempts.count({ outcome: 'dropped' })).toBeGreaterThan(5);
  expectNothingTwice(world.simulator);
});

describe('what concerns every write stops the restore:', () => {
  test('a missing right, after which the next run continues', async () => {
    const world = await openWorld();
    world.simulator.denied.set('AdminAddUserToGroup', 'AccessDeniedException');
    const error = await rejection(restore(world));
    expect(error).toBeInstanceOf(NotAuthorizedError);
    expect(world.simulator.pool().userCount).toBe(30);
    world.simulator.denied.clear();
    expect((await restore(world)).of('user')).toEqual({ created: 0, updated: 0, failed: 0 });
    expect(readPool(world.simulator.pool())).toEqual(SOURCE);
    expectNothingTwice(world.simulator);
  });

  test('an outage, but not a failure at one user', async () => {
    const world = await openWorld({}, { retryPolicy: { ...QUICK, faults: 1 } });
    const faults = { 'internal-error': { rate: 1, operations: ['AdminCreateUser'] } };
    world.simulator.faults.set(faults);
    const error = await rejection(restore(world));
    expect(error).toBeInstanceOf(ServiceUnavailableError);
    const failed = (await world.entries()).filter(({ event }) => event === 'failed');
    expect(failed).toHaveLength(9);
    world.simulator.faults.set({});
    await restore(world);
    expect(readPool(world.simulator.pool())).toEqual(SOURCE);
  });

  test.each([3, 20, 60, 95])('a person, after %d calls', async (moment) => {
    const world = await openWorld({ latencyMs: 5 });
    const stop = new AbortController();
    const { attempts } = world.simulator;
    const arrive = attempts.arrive.bind(attempts);
    attempts.arrive = (arrival) => {
      if (attempts.total === moment) stop.abort(new InterruptedError());
      return arrive(arrival);
    };
    const tasks = planTasks(SOURCE, world.simulator.pool());
    const error = await rejection(world.run(tasks, { signal: stop.signal }));
    expect(error).toBeInstanceOf(InterruptedError);
    // The answers to what was sent were awaited, so the journal knows all that is done.
    const done = (await world.entries()).filter(({ event }) => event === 'done');
    expect(done.length).toBeLessThan(tasks.length);
    await restore(world);
    expect(readPool(world.simulator.pool())).toEqual(SOURCE);
    expectNothingTwice(world.simulator);
  });
});
