import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  NotAuthorizedError,
  OperationNotEnabledError,
  ResourceNotFoundError,
  ServiceUnavailableError,
  WriteRefusedError,
} from '../../src/cognito/errors.ts';
import type { CognitoWrites } from '../../src/cognito/writes.ts';
import type { RestoreFailure } from '../../src/model/restore.ts';
import { type Simulator, startSimulator } from '../../src/simulator/index.ts';
import { createSettings } from '../../src/simulator/settings.ts';
import { type OneAnswer, oneAnswerForEach, refusal, SECRETS } from './one-answer.ts';
import { never, openService, POOL, QUICK, rejection, type TestService } from './support.ts';

const FIELDS = { description: 'Staff', roleArn: null, precedence: 3 };
const PASSWORD = { text: 'Secret-1!', permanent: true };
const LINK = { providerName: 'Google', userId: '117' };
const MFA = { settings: ['SMS_MFA'], preferred: 'SMS_MFA' } as const;

/** Every write, about the same user and group. */
const CALLS: [string, (writes: CognitoWrites) => Promise<unknown>][] = [
  ['CreateGroup', (writes) => writes.createGroup('The Group', FIELDS, never())],
  ['UpdateGroup', (writes) => writes.updateGroup('The Group', FIELDS, never())],
  ['AdminCreateUser', (writes) => writes.createUser('jane@example.com', {}, never())],
  ['AdminSetUserPassword', (writes) => writes.setPassword('jane@example.com', PASSWORD, never())],
  [
    'AdminUpdateUserAttributes',
    (writes) => writes.updateAttributes('jane@example.com', { name: 'Jane' }, never()),
  ],
  ['AdminEnableUser', (writes) => writes.setEnabled('jane@example.com', true, never())],
  ['AdminDisableUser', (writes) => writes.setEnabled('jane@example.com', false, never())],
  ['AdminAddUserToGroup', (writes) => writes.addToGroup('jane@example.com', 'The Group', never())],
  ['AdminLinkProviderForUser', (writes) => writes.linkIdentity('jane@example.com', LINK, never())],
  ['AdminSetUserMFAPreference', (writes) => writes.setMfa('jane@example.com', MFA, never())],
];

describe('against the simulator', () => {
  let simulator: Simulator;
  let service: TestService;
  let writes: CognitoWrites;
  beforeEach(async () => {
    simulator = await startSimulator({ rps: 0, users: 0, groups: 0 });
    service = openService(simulator.url, { writes: true });
    writes = service.cognito.writesTo(POOL);
  });
  afterEach(async () => {
    await service.close();
    await simulator.close();
  });

  test('each write does what it says, and passes its bucket', async () => {
    const pool = simulator.pool();
    await writes.createGroup('staff', FIELDS, never());
    expect(pool.group('staff')).toMatchObject(FIELDS);
    await writes.updateGroup('staff', { ...FIELDS, description: null, precedence: 7 }, never());
    expect(pool.group('staff')).toMatchObject({ description: 'Staff', precedence: 7 });

    const attributes = { email: 'ann@example.com', email_verified: 'true', phone_number: '+41' };
    const made = await writes.createUser('ann', attributes, never());
    expect(made).toMatchObject({ username: 'ann', status: 'FORCE_CHANGE_PASSWORD', enabled: true });
    expect(made.sub).toBe(pool.user('ann').attributes.get('sub'));
    await writes.setPassword('ann', PASSWORD, never());
    expect(pool.user('ann').status).toBe('CONFIRMED');
    await writes.updateAttributes('ann', { name: 'Ann', phone_number: '+49' }, never());
    expect(pool.user('ann').attributes.get('name')).toBe('Ann');
    await writes.setEnabled('ann', false, never());
    expect(pool.user('ann').enabled).toBe(false);
    await writes.setEnabled('ann', true, never());
    expect(pool.user('ann').enabled).toBe(true);
    await writes.addToGroup('ann', 'staff', never());
    expect([...pool.members('staff')]).toHaveLength(1);
    await writes.linkIdentity('ann', LINK, never());
    expect(pool.user('ann').attributes.get('identities')).toContain('"userId":"117"');
    const both = { settings: ['SMS_MFA', 'EMAIL_OTP'], preferred: 'EMAIL_OTP' } as const;
    await writes.setMfa('ann', both, never());
    expect(await writes.getMfa('ann', never())).toEqual(both);

    const sent = simulator.attempts.entries().map(({ operation }) => operation);
    expect(new Set(sent)).toEqual(new Set([...CALLS.map(([name]) => name), 'AdminGetUser']));
    expect(service.releases.map(({ operation }) => operation)).toEqual(sent);
  });

  test('names go out as the service knows them, and come back as they are stored', async () => {
    const made = await writes.createUser('a\\\\u0000b', {}, never());
    expect(simulator.pool().user('a\\u0000b').username).toBe('a\\u0000b');
    expect(made.username).toBe('a\\\\u0000b');
  });

  test('a user of a pool that signs in by addresses gets the username that the pool makes', async () => {
    const settings = createSettings('us-east-1_Mail', '123456789012', {
      usernameAttributes: ['email'],
    });
    await service.close();
    await simulator.close();
    simulator = await startSimulator({
      rps: 0,
      users: 0,
      groups: 0,
      pools: [{ id: settings.id, settings }],
    });
    service = openService(simulator.url, { writes: true });
    writes = service.cognito.writesTo(settings.id);
    const made = await writes.createUser('ann@example.com', {}, never());
    expect(made.username).toBe(made.sub);
    const error = await rejection(writes.createUser('ann@example.com', {}, never()));
    expect(error).toMatchObject({ failure: 'user-exists' });
  });

  test('a write whose answer is lost is repeated, and the repetition says what is there', async () => {
    let drops = 0;
    await service.close();
    await simulator.close();
    // Half of the drops come before the call is done, and half after it.
    for (let seed = 1; seed < 20 && drops < 3; seed += 1) {
      simulator = await startSimulator({ rps: 0, users: 0, groups: 0, seed });
      service = openService(simulator.url, { writes: true, retryPolicy: QUICK });
      simulator.faults.set({ drop: 0.5 });
      const result = await service.cognito
        .writesTo(POOL)
        .createUser('ann', {}, never())
        .catch((error: unknown) => error);
      simulator.faults.set({});
      if (result instanceof WriteRefusedError) {
        expect(result.failure).toBe('user-exists');
        expect(simulator.pool().hasUser('ann')).toBe(true);
        drops += 1;
      }
      if (drops < 3) {
        await service.close();
        await simulator.close();
      }
    }
    expect(drops).toBe(3);
  });
});

describe('an error', () => {
  const one: OneAnswer = oneAnswerForEach();
  let service: TestService;
  beforeEach(() => {
    service = openService(one.server.url, {
      writes: true,
      retryPolicy: { ...QUICK, throttledForMs: 300 },
    });
  });
  afterEach(() => service.close());
  const failWith = async (
    type: string,
    call: (writes: CognitoWrites) => Promise<unknown>,
  ): Promise<Error> => {
    one.answer = refusal(type);
    return rejection(call(service.cognito.writesTo(POOL)));
  };

  test.each<[string, RestoreFailure, RegExp]>([
    ['UsernameExistsException', 'user-exists', /Run it again/],
    ['AliasExistsException', 'alias-conflict', /never moves an alias/],
    ['GroupExistsException', 'group-exists', /Run it again/],
    ['InvalidPasswordException', 'invalid-password', /policy/],
    ['InvalidParameterException', 'invalid-parameter', /schema/],
    ['UserLambdaValidationException', 'trigger-refused', /detach the trigger/],
    ['UnexpectedLambdaException', 'trigger-failed', /log of the function/],
    ['InvalidLambdaResponseException', 'trigger-failed', /log of the function/],
    ['UnsupportedUserStateException', 'user-state', /status/],
    ['LimitExceededException', 'limit', /5 linked identities/],
    ['UserNotFoundException', 'user-missing', /created again/],
    ['FeatureUnavailableInTierException', 'feature-missing', /tier/],
    ['InvalidSmsRoleAccessPolicyException', 'message-refused', /SMS/],
  ])('%s concerns one write: %s', async (type, failure, remedy) => {
    for (const [operation, call] of CALLS) {
      const error = await failWith(type, call);
      expect(error).toBeInstanceOf(WriteRefusedError);
      expect((error as WriteRefusedError).failure).toBe(failure);
      expect(error.message).toMatch(new RegExp(`^${operation} of ${POOL}: `));
      expect(error.message).toMatch(remedy);
      for (const secret of SECRETS) expect(error.message).not.toContain(secret);
    }
    expect(one.server.requests).toHaveLength(CALLS.length);
  });

  test('ResourceNotFoundException is about what the call names, or else about the pool', async () => {
    const failures = await Promise.all(
      CALLS.map(async ([operation, call]) => {
        const error = await failWith('ResourceNotFoundException', call);
        if (error instanceof WriteRefusedError) return [operation, error.failure];
        expect(error).toBeInstanceOf(ResourceNotFoundError);
        return [];
      }),
    );
    expect(failures.filter((each) => each.length > 0)).toEqual([
      ['UpdateGroup', 'group-missing'],
      ['AdminAddUserToGroup', 'group-missing'],
      ['AdminLinkProviderForUser', 'provider-missing'],
    ]);
  });

  test('a missing right, a disabled operation and throttling concern every write', async () => {
    for (const [operation, call] of CALLS) {
      const denied = await failWith('AccessDeniedException', call);
      expect(denied).toBeInstanceOf(NotAuthorizedError);
      expect(denied.message).toContain(`cognito-idp:${operation} on`);
      expect(denied.message.includes('iam:PassRole')).toBe(operation.endsWith('eGroup'));
      expect(await failWith('OperationNotEnabledException', call)).toBeInstanceOf(
        OperationNotEnabledError,
      );
    }
    const [, create] = CALLS[2] as (typeof CALLS)[number];
    expect(await failWith('TooManyRequestsException', create)).toBeInstanceOf(
      ServiceUnavailableError,
    );
    expect(await failWith('ConcurrentModificationException', create)).toBeInstanceOf(
      ServiceUnavailableError,
    );
  });
});
