import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesBelow } from '../support/cli-mirror.ts';
import { type Fleet, openFleet } from '../support/fleet.ts';
import { expectPermitted, logPermits, type PermitLog } from '../support/permits.ts';
import { type StsServer, startSts } from '../support/sts-server.ts';

const [ONE, TWO, FAR] = [
  'us-east-1_AccountOneA',
  'us-east-1_AccountOneB',
  'us-east-1_AccountTwo',
] as const;
const GUARDED = 'us-east-1_AccountTwoB';
const REFUSED = 'us-east-1_AccountTwoC';
const [FIRST, SECOND] = ['111122223333', '444455556666'] as const;

/** Requests a second of the first account. The second account has a far larger quota. */
const RATE = 8;
const ROLE = `arn:aws:iam::${SECOND}:role/mirror`;

let fleet: Fleet;
let permits: PermitLog;
let sts: StsServer;
let ownArchive: string;

beforeAll(async () => {
  fleet = await openFleet({
    pools: [
      { id: ONE, account: FIRST },
      { id: TWO, account: FIRST },
      { id: FAR, account: SECOND, users: 3_000 },
      { id: GUARDED, account: SECOND, users: 90 },
      { id: REFUSED, account: SECOND, users: 1 },
    ],
    users: 400,
    groups: 2,
    seed: 345,
  });
  permits = await logPermits(fleet.redis);
  sts = await startSts({ roles: [{ arn: ROLE, externalId: 'b2a7c1d0' }] });
  ownArchive = join(fleet.folder, 'archive-of-its-own');
  const config = join(fleet.folder, 'mirror.yaml');
  await writeFile(
    config,
    `pools:
  ${ONE}:
  ${TWO}:
  ${FAR}:
    role: { arn: '${ROLE}', externalId: b2a7c1d0 }
    archiveUrl: ${pathToFileURL(ownArchive).href}
  ${GUARDED}: { maxRemovedRatio: 0.9 }
  ${REFUSED}:
    role: { arn: '${ROLE}', externalId: another }
accounts:
  '${FIRST}': { us-east-1: { userListRps: ${RATE}, quotaShare: 1 } }
  '${SECOND}': { us-east-1: { userListRps: 1000, quotaShare: 1 } }
`,
  );
  // Straight to the simulator: the proxy would add its own delays to when attempts arrive.
  const change = {
    COGNITO_POOLS: undefined,
    MIRROR_CONFIG: config,
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: fleet.simulator.url,
    AWS_ENDPOINT_URL_STS: sts.url,
  };
  await Promise.all([fleet.worker(change), fleet.worker(change)]);
});
afterAll(async () => {
  await permits.close();
  await fleet.close();
  await sts.close();
});

/** When users were listed, in some pools. */
const listed = (...poolIds: string[]) =>
  fleet.simulator.attempts
    .entries({ bucket: 'UserList' })
    .filter(({ poolId }) => poolIds.includes(poolId ?? ''))
    .map(({ at }) => at);

describe('pools of several accounts', () => {
  it('share the quota of their own account only', async () => {
    // In one statement, so that all three are read at the same time.
    await fleet.rows(
      `INSERT INTO mirror.requests (pool_id, source) SELECT unnest($1::text[]), 'trigger'`,
      [[ONE, TWO, FAR]],
    );
    for (const poolId of [ONE, TWO, FAR]) {
      expect(await fleet.settled(poolId)).toMatchObject({ outcome: 'done', reason: null });
    }
    const [one, two] = [listed(ONE), listed(TWO)];
    expect(Math.min(...one)).toBeLessThan(Math.max(...two));
    expect(Math.min(...two)).toBeLessThan(Math.max(...one));
    const dueTimes = await permits.dueTimes(`${FIRST}/us-east-1/UserList`);
    expectPermitted([...one, ...two], dueTimes, RATE + 1);
    const limiters = (await fleet.redis.command('KEYS', 'cognito-mirror/*/UserList')) as string[];
    expect(limiters.map((key) => key.split('/')[1]).sort()).toEqual([FIRST, SECOND]);
  });

  it('are read with their roles; a role that cannot be assumed fails only its own pool', async () => {
    await fleet.trigger(REFUSED);
    expect(await fleet.settled(REFUSED)).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining(ROLE),
    });
    const asked = sts.requests.map(({ roleArn, externalId }) => ({ roleArn, externalId }));
    expect(asked).toContainEqual({ roleArn: ROLE, externalId: 'b2a7c1d0' });
    expect(asked).toContainEqual({ roleArn: ROLE, externalId: 'another' });
  });

  it('are archived at their own destinations', async () => {
    const own = await filesBelow(ownArchive);
    expect(own.filter((file) => file.includes(FAR))).toEqual(own);
    expect(own.some((file) => file.startsWith('manifests/'))).toBe(true);
    expect((await filesBelow(fleet.archive)).some((file) => file.includes(FAR))).toBe(false);
    expect((await filesBelow(fleet.archive)).some((file) => file.includes(ONE))).toBe(true);
  });

  it('are held by their own removal ratio', async () => {
    await fleet.trigger(GUARDED);
    await fleet.settled(GUARDED);
    const pool = fleet.simulator.pool(GUARDED);
    const leaving = [...pool.users()].slice(0, 60);
    for (const { username } of leaving) pool.deleteUser(username);
    await fleet.trigger(GUARDED);
    expect(await fleet.settled(GUARDED)).toMatchObject({ outcome: 'done' });
    const users = await fleet.rows('SELECT FROM directory.users WHERE pool_id = $1', [GUARDED]);
    expect(users).toHaveLength(30);
  });
});
