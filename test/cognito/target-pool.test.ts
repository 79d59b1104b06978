import { afterEach, expect, test } from 'vitest';
import { UserNotFoundError } from '../../src/cognito/errors.ts';
import { normaliseTargetPool } from '../../src/cognito/target-pool.ts';
import {
  createSchema,
  customAttribute,
  type PoolSpec,
  startSimulator,
} from '../../src/simulator/index.ts';
import { never, openService, POOL, rejection } from './support.ts';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function open(settings: NonNullable<PoolSpec['settings']> = {}) {
  const simulator = await startSimulator({
    rps: 0,
    pools: [{ id: POOL, users: 20, groups: 70, settings }],
  });
  const service = openService(simulator.url, { writes: true });
  opened.push(simulator, service);
  return { simulator, cognito: service.cognito };
}

test('describeTarget gives the rules of a pool', async () => {
  const { cognito } = await open({
    schema: createSchema([
      { ...customAttribute('custom:seats', 'Number'), min: 1, max: 9 },
      { ...customAttribute('custom:fixed'), mutable: false },
    ]),
    usernameAttributes: ['email'],
    triggers: { PreSignUp: 'arn:one', CustomMessage: 'arn:two' },
    tier: 'PLUS',
  });
  const { schema, ...pool } = await cognito.describeTarget(POOL, never());
  expect(pool).toEqual({
    poolId: POOL,
    accountId: '123456789012',
    region: 'us-east-1',
    name: 'simulated-simulated',
    estimatedUsers: 20,
    usernameAttributes: ['email'],
    aliasAttributes: [],
    autoVerifiedAttributes: ['email'],
    caseSensitive: true,
    passwordPolicy: {
      minimumLength: 8,
      requireUppercase: true,
      requireLowercase: true,
      requireNumbers: true,
      requireSymbols: true,
      temporaryPasswordValidityDays: 7,
    },
    triggers: ['CustomMessage', 'PreSignUp'],
    tier: 'PLUS',
    mfaConfiguration: 'OPTIONAL',
    deletionProtection: true,
  });
  expect(schema.get('custom:seats')).toEqual({
    type: 'Number',
    required: false,
    mutable: true,
    min: 1,
    max: 9,
  });
  expect(schema.get('custom:fixed')).toMatchObject({ mutable: false });
  expect(schema.get('sub')).toMatchObject({ required: true, mutable: false });
});

test('a pool that says little gets the defaults of the service', () => {
  const pool = { Arn: 'arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_A' };
  expect(normaliseTargetPool({ poolId: 'us-east-1_A', region: 'us-east-1' }, pool)).toMatchObject({
    caseSensitive: true,
    passwordPolicy: { minimumLength: 8, temporaryPasswordValidityDays: 7 },
    triggers: [],
    tier: null,
  });
  const LambdaConfig = {
    KMSKeyID: 'arn:key',
    PreTokenGeneration: 'arn:a',
    PreTokenGenerationConfig: { LambdaArn: 'arn:a', LambdaVersion: 'V2_0' as const },
  };
  expect(
    normaliseTargetPool({ poolId: 'us-east-1_A', region: 'us-east-1' }, { ...pool, LambdaConfig })
      .triggers,
  ).toEqual(['PreTokenGeneration']);
});

test('groupNamesOf follows every page of the groups of a user', async () => {
  const { simulator, cognito } = await open();
  const pool = simulator.pool();
  const [user] = [...pool.users()];
  const username = user?.username ?? '';
  for (const { groupName } of pool.groups()) pool.addToGroup(username, groupName);
  const names = await cognito.groupNamesOf(POOL, username, never());
  expect(names.sort()).toEqual([...pool.groupNames()].sort());
  const nobody = await rejection(cognito.groupNamesOf(POOL, 'nobody', never()));
  expect(nobody).toBeInstanceOf(UserNotFoundError);
});

test('csvHeader has the attributes of a pool, and what an import job needs', async () => {
  const { cognito } = await open({ schema: createSchema([customAttribute('custom:plan')]) });
  const header = await cognito.csvHeader(POOL, never());
  expect(header).toEqual(
    expect.arrayContaining(['email', 'custom:plan', 'cognito:mfa_enabled', 'cognito:username']),
  );
  expect(header).not.toContain('sub');
});
