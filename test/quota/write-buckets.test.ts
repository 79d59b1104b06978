import { afterEach, expect, test } from 'vitest';
import type { Allowance } from '../../src/config/config.ts';
import { WRITE_QUOTAS } from '../../src/config/write-quotas.ts';
import type { Buckets } from '../../src/quota/buckets.ts';
import { BUCKET_OF, isWrite, type Operation, type WriteOperation } from '../../src/quota/quotas.ts';
import { startSimulator } from '../../src/simulator/index.ts';
import { DEFAULT_QUOTAS } from '../../src/simulator/quota.ts';
import { TestAccountBuckets } from '../support/buckets.ts';
import { mostInAnySecond } from './sliding.ts';

const POOL = 'us-east-1_Quota';
const PLACE = ['111122223333', 'us-east-1'] as const;
const never = () => new AbortController().signal;

let all: TestAccountBuckets | undefined;
afterEach(async () => {
  await all?.close();
  all = undefined;
});

function openBuckets(allowance: Partial<Allowance>, writeShare: number): Buckets {
  all = new TestAccountBuckets({ share: 1, userListRps: 30, ...allowance });
  return all.ofRestore(...PLACE, writeShare);
}

/** The moments at which so many attempts were released. */
async function release(buckets: Buckets, operation: Operation, count: number, pool = POOL) {
  const moments: number[] = [];
  await Promise.all(
    Array.from({ length: count }, () =>
      buckets.run(operation, pool, async () => moments.push(performance.now()), never()),
    ),
  );
  return moments;
}

const WRITES = (Object.keys(BUCKET_OF) as Operation[]).filter(isWrite);

test('the quotas of writes are those of the simulator', () => {
  for (const [name, rps] of Object.entries(WRITE_QUOTAS)) {
    expect(DEFAULT_QUOTAS[name as keyof typeof WRITE_QUOTAS], name).toBe(rps);
  }
});

test('each call counts in the simulator against the bucket that it passes', async () => {
  const simulator = await startSimulator({ users: 1, groups: 1 });
  for (const operation of Object.keys(BUCKET_OF)) {
    await fetch(simulator.url, {
      method: 'POST',
      headers: {
        'x-amz-target': `AWSCognitoIdentityProviderService.${operation}`,
        authorization:
          'AWS4-HMAC-SHA256 Credential=test/20261120/us-east-1/cognito-idp/aws4_request, SignedHeaders=host, Signature=0',
      },
      body: '{}',
    });
  }
  const seen = simulator.attempts.entries().map(({ operation, bucket }) => [operation, bucket]);
  await simulator.close();
  expect(Object.fromEntries(seen)).toEqual(BUCKET_OF);
});

test('a restore has the share of each quota of writes, and that of the mirror for reads', () => {
  const writeQuotas = { UserCreation: 500, UserUpdate: 100 };
  const buckets = openBuckets({ share: 0.8, writeQuotas }, 0.5);
  expect(buckets.usage('UserCreation').allowed).toBe(250);
  expect(buckets.usage('UserUpdate').allowed).toBe(50);
  expect(buckets.usage('UserResourceUpdate').allowed).toBe(12.5);
  expect(buckets.usage('UserAccountRecovery').allowed).toBe(15);
  expect(buckets.usage('UserPoolResourceUpdate').allowed).toBe(7.5);
  expect(buckets.usage('UserList').allowed).toBe(24);
});

test('buckets of writes open only for a restore', async () => {
  all = new TestAccountBuckets({ share: 1, userListRps: 30 });
  const buckets = all.of(...PLACE);
  expect(all.usages().map(({ bucket }) => bucket)).not.toContain('UserCreation');
  await expect(release(buckets, 'AdminCreateUser', 1)).rejects.toThrow(/without UserCreation/);
});

test.each<[WriteOperation, number]>([
  ['AdminCreateUser', 26],
  ['AdminSetUserPassword', 16],
  ['AdminUpdateUserAttributes', 14],
  ['AdminAddUserToGroup', 14],
])('%s is released at half its quota, and one more in any second', async (operation, most) => {
  const buckets = openBuckets({}, 0.5);
  expect(mostInAnySecond(await release(buckets, operation, 30))).toBeLessThanOrEqual(most);
});

test('all calls that update users share one quota', async () => {
  const buckets = openBuckets({}, 1);
  const updates = WRITES.filter((operation) => BUCKET_OF[operation] === 'UserUpdate');
  expect(updates).toHaveLength(5);
  const moments = await Promise.all(updates.map((each) => release(buckets, each, 8)));
  expect(mostInAnySecond(moments.flat())).toBeLessThanOrEqual(26);
});

test('each write of groups has a quota in each pool, within that of the account', async () => {
  const buckets = openBuckets({}, 1);
  const pools = Array.from({ length: 4 }, (_, i) => `us-east-1_Pool${i}`);
  const byPool = await Promise.all(pools.map((pool) => release(buckets, 'CreateGroup', 9, pool)));
  for (const moments of byPool) expect(mostInAnySecond(moments)).toBeLessThanOrEqual(6);
  expect(mostInAnySecond(byPool.flat())).toBeLessThanOrEqual(16);
});
