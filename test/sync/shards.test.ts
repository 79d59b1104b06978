import { afterEach, describe, expect, it } from 'vitest';
import { expectMirrored } from '../support/directory.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let mirror: TestMirror;
afterEach(() => mirror.close());

const filters = () =>
  new Set(
    seen.flatMap(({ operation, request }) =>
      operation === 'ListUsers' ? [(request.Filter as string | undefined) ?? ''] : [],
    ),
  );

let seen: { operation: string; request: Record<string, unknown> }[] = [];

/** Opens a pool that is large enough to be split, and records its requests. */
async function open(options: Parameters<typeof openTestMirror>[0] = {}): Promise<void> {
  mirror = await openTestMirror({ users: 2000, groups: 5, seed: 21, ...options });
  seen = [];
  mirror.proxy.before = (call) => {
    seen.push(call);
  };
}

describe('a large pool', () => {
  it('is read in all sixteen shards, after one page of the whole pool', async () => {
    await open();
    const { report } = await mirror.sync();
    expect(report.state).toBe('archived');
    const prefixes = Array.from({ length: 16 }, (_, digit) => `sub ^= "${digit.toString(16)}"`);
    expect(filters()).toEqual(new Set(['', ...prefixes]));
    expect(
      seen.filter((call) => call.operation === 'ListUsers' && !call.request['Filter']),
    ).toHaveLength(1);
    await expectMirrored(mirror.db, mirror.pool);
  });

  it('splits a shard that holds most users again', async () => {
    await open({ users: 1 });
    for (let i = 0; i < 3000; i++) {
      const sub = `a${(i % 16).toString(16)}${String(i).padStart(6, '0')}-0000-4000-8000-000000000000`;
      mirror.pool.createUser({ username: `user-${i}`, sub });
    }
    expect((await mirror.sync()).report.state).toBe('archived');
    expect(filters()).toContain('sub ^= "a0"');
    expect(filters()).not.toContain('sub ^= "b0"');
    await expectMirrored(mirror.db, mirror.pool);
  });

  it('is read in a single chain if the server refuses the filter', async () => {
    await open();
    mirror.proxy.before = (call) => {
      seen.push(call);
      if (call.request['Filter'] === undefined) return;
      return { __type: 'InvalidParameterException', message: 'Error while parsing filter.' };
    };
    expect((await mirror.sync()).report.state).toBe('archived');
    await expectMirrored(mirror.db, mirror.pool);
  });

  it('is read in a single chain if the server ignores the filter', async () => {
    await open();
    const { simulator } = mirror;
    mirror.proxy.before = async (call) => {
      seen.push(call);
      if (call.request['Filter'] !== 'sub ^= "7"') return;
      const answer = await fetch(simulator.url, {
        method: 'POST',
        headers: {
          'x-amz-target': 'AWSCognitoIdentityProviderService.ListUsers',
          'content-type': 'application/x-amz-json-1.1',
          authorization:
            'AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/cognito-idp/aws4_request, SignedHeaders=host, Signature=0',
        },
        body: JSON.stringify({ UserPoolId: call.request['UserPoolId'], Limit: 60 }),
      });
      return (await answer.json()) as Record<string, unknown>;
    };
    expect((await mirror.sync()).report.state).toBe('archived');
    await expectMirrored(mirror.db, mirror.pool);
  });

  it('is read again in a single chain if the shards lose a member of a group', async () => {
    await open();
    mirror.pool.createUser({
      username: 'outside-of-every-cut',
      sub: 'not-hexadecimal',
      createdAt: Date.parse('2025-01-01'),
    });
    mirror.pool.createGroup('staff');
    mirror.pool.addToGroup('outside-of-every-cut', 'staff');
    const { report, error } = await mirror.sync();
    expect(error).toBeNull();
    expect(report.state).toBe('archived');
    expect(filters().size).toBeGreaterThan(16);
    await expectMirrored(mirror.db, mirror.pool);
  });

  it('is held if the single chain loses a member too', async () => {
    await open();
    const [lost] = mirror.pool.members('everyone');
    mirror.proxy.after = ({ operation }, answer) => {
      if (operation !== 'ListUsers') return answer;
      const users = answer['Users'] as { Username: string }[];
      return { ...answer, Users: users.filter((user) => user.Username !== lost?.username) };
    };
    const { report } = await mirror.sync();
    expect(report.state).toBe('held');
    expect(report.reason).toMatch(/^1 members of groups exist by AdminGetUser/);
    expect(report.reason).not.toContain(lost?.username);
  });

  it('is read to its end although walks restart, repeat users and get empty pages', async () => {
    await open({
      pageFill: 0.6,
      faults: {
        'empty-page': 0.2,
        'short-page': 0.2,
        'repeat-user': 0.2,
        // A walk has ten attempts: over all its pages this must stay rare.
        'token-refused': 0.002,
        throttle: 0.02,
        'internal-error': 0.02,
        drop: 0.02,
      },
    });
    const { report, error } = await mirror.sync();
    expect(error).toBeNull();
    expect(report.state).toBe('archived');
    expect(report.throttled).toBeGreaterThan(0);
    expect(report.retries).toBeGreaterThan(report.throttled);
    await expectMirrored(mirror.db, mirror.pool);
  });
});

/** Changes the estimate of DescribeUserPool on its way. */
function estimate(change: (exact: number) => number): void {
  mirror.proxy.after = (_, answer) => {
    const pool = answer['UserPool'] as { EstimatedNumberOfUsers: number } | undefined;
    if (pool) pool.EstimatedNumberOfUsers = change(pool.EstimatedNumberOfUsers);
    return answer;
  };
}

/** Mirrors the pool, and gives the report and the pages of ListUsers that it took. */
async function syncCounted() {
  seen = [];
  const { report } = await mirror.sync();
  expect(report).toMatchObject({ state: 'archived', users: mirror.pool.userCount });
  const pages = seen.filter(({ operation, request }) => {
    return operation === 'ListUsers' && !String(request['Filter']).startsWith('sub =');
  });
  return { report, pages: pages.length };
}

describe('users whose sub is not a UUID, and who are not on the first page', () => {
  const openWith = async (sub: (i: number) => string) => {
    await open({ users: 1300, groups: 1 });
    for (let i = 0; i < 60; i++) mirror.pool.createUser({ username: `odd-${i}`, sub: sub(i) });
  };

  const subs: Record<string, (i: number) => string> = {
    'another text': (i) => `migrated-${i}`,
    'in upper case': (i) => `A${String(i).padStart(7, '0')}-0000-4000-8000-00000000000F`,
  };
  for (const [how, sub] of Object.entries(subs)) {
    it(`are found, and the next snapshot starts with a single chain: ${how}`, async () => {
      await openWith(sub);
      await syncCounted();
      expect(filters().size).toBeGreaterThan(1);
      await expectMirrored(mirror.db, mirror.pool);
      expect(await syncCounted()).toMatchObject({ report: { removed: 0 }, pages: 23 });
      expect([...filters()]).toEqual(['']);
    });
  }

  it('are found by comparison with the last snapshot, if shards lose them later', async () => {
    await openWith((i) => `migrated-${i}`);
    await syncCounted();
    // The record of the pool is gone, and the estimate says nothing.
    await mirror.db.query('DELETE FROM mirror.pools');
    estimate(() => 0);
    expect((await syncCounted()).report).toMatchObject({ removed: 0 });
    await expectMirrored(mirror.db, mirror.pool);
  });
});

describe("an estimate that is larger than the pool's users", () => {
  it('makes one extra reading, and another only after it has doubled', async () => {
    await open({ users: 1300, groups: 1 });
    estimate((exact) => exact + 3);
    const twice = (await syncCounted()).pages;
    estimate((exact) => exact + 6);
    const once = (await syncCounted()).pages;
    expect(twice).toBe(once + 22);
    estimate((exact) => exact + 7);
    expect((await syncCounted()).pages).toBe(twice);
  });

  it('by the users that were removed since the last snapshot, makes no extra reading', async () => {
    await open({ users: 1300, groups: 1 });
    const { pages } = await syncCounted();
    const removed = await mirror.rows<{ username: string }>(
      'SELECT username FROM directory.users ORDER BY username LIMIT 20',
    );
    for (const { username } of removed) mirror.pool.deleteUser(username);
    estimate((exact) => exact + 20);
    const next = await syncCounted();
    expect(next.report.removed).toBe(20);
    expect(next.pages).toBeLessThanOrEqual(pages);
  });
});
