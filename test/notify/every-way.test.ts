import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { NotificationType } from '../../src/model/notification.ts';
import { type Fleet, type FleetWorker, openFleet, until } from '../support/fleet.ts';
import { LACKS_PROMTOOL, runPromtool } from '../support/promtool.ts';
import { notifying, type Receiver, startReceiver } from '../support/receiver.ts';
import { type Look, OF_TARGET, toPromtoolTests } from '../telemetry/alert-rules.ts';

// Each bad state comes from what causes it in real life: a service that refuses, a pool that lost its
// users, runs that end too late, a deleted pool, a killed worker. Only time is moved by hand.
const [WELL, FAILED, HELD, LATE, VANISHED, BEREFT] = [
  'us-east-1_Well',
  'us-east-1_Failed',
  'us-east-1_Held',
  'us-east-1_Late',
  'us-east-1_Vanished',
  // The pool that a worker was reading when it was killed.
  'us-east-1_Bereft',
] as const;
const POOLS = [WELL, FAILED, HELD, LATE, VANISHED, BEREFT];

let fleet: Fleet;
let receiver: Receiver;
/** The worker before anything went wrong. */
let healthy: Look;
/** Once the only worker was killed, and nothing runs. */
let dead: Look;
/** What the dead man's switches had heard then. */
let heardOfDead: Record<string, string[]>;
/** The next worker, with every bad state. */
let broken: Look;

const signalsOf = (poolId: string) =>
  receiver
    .pings()
    .filter(({ pool }) => pool === poolId.toLowerCase())
    .map(({ signal }) => signal);
const typesOf = (poolId: string) =>
  receiver.webhooks().flatMap(({ type, data }) => (data.poolId === poolId ? [type] : []));

const hasArrived = (type: NotificationType, poolId: string) =>
  until(`${type} of ${poolId} arrives, with a ping`, async () => {
    return typesOf(poolId).includes(type) && signalsOf(poolId).at(-1) === 'fail';
  });

async function look({ url }: FleetWorker): Promise<Look> {
  const answer = await fetch(`${url}/metrics`);
  expect(answer.status).toBe(200);
  return { text: await answer.text(), at: Date.now() / 1000 };
}

/** Lets two days pass without a snapshot of these pools, which are due each day. */
async function letDaysPass(...poolIds: string[]): Promise<void> {
  await fleet.rows(
    `UPDATE directory.snapshots SET published_at = published_at - interval '2 days'
     WHERE pool_id = ANY ($1)`,
    [poolIds],
  );
  await fleet.rows("UPDATE mirror.schedules SET since = since - interval '3 days'");
}

beforeAll(async () => {
  receiver = await startReceiver();
  fleet = await openFleet({ pools: POOLS, users: 80, groups: 1 });
  const env = {
    ...notifying(receiver),
    COGNITO_POOLS: 'all',
    AWS_REGION: 'us-east-1',
    // Due half a day ago and in half a day, so that no run starts by itself.
    MIRROR_SCHEDULE: `0 ${(new Date().getUTCHours() + 12) % 24} * * *`,
  };
  expect(await fleet.sync([], env)).toMatchObject({ code: 0 });
  const first = await fleet.worker(env);
  healthy = await look(first);

  const { proxy, simulator } = fleet;
  const held = simulator.pool(HELD);
  for (const { username } of [...held.users()].slice(10)) held.deleteUser(username);
  let isReading = false;
  proxy.before = ({ operation, request }) => {
    const poolId = request['UserPoolId'];
    if (poolId === VANISHED) return { __type: 'ResourceNotFoundException', message: 'gone' };
    if (operation !== 'ListUsers') return;
    if (poolId === FAILED) return { __type: 'AccessDeniedException', message: 'no' };
    if (poolId !== BEREFT) return;
    isReading = true;
    return new Promise(() => {});
  };
  proxy.after = (_, answer) => {
    const pools = answer['UserPools'] as { Id: string }[] | undefined;
    return pools ? { ...answer, UserPools: pools.filter(({ Id }) => Id !== VANISHED) } : answer;
  };
  // As `trigger` does it, without a process for each.
  await fleet.rows(
    "INSERT INTO mirror.requests (pool_id, source) SELECT unnest($1::text[]), 'trigger'",
    [[FAILED, HELD, BEREFT]],
  );
  await hasArrived('snapshot.failed', FAILED);
  await hasArrived('snapshot.held', HELD);
  await until('the worker reads', async () => isReading);

  first.child.kill('SIGKILL');
  await first.result;
  await letDaysPass(LATE, BEREFT);
  heardOfDead = Object.fromEntries(POOLS.map((poolId) => [poolId, signalsOf(poolId)]));
  dead = { text: null, at: Date.now() / 1000 };

  // A worker counts as lost after half a minute.
  await fleet.rows("UPDATE mirror.workers SET seen_at = seen_at - interval '1 minute'");
  const next = await fleet.worker(env);
  await hasArrived('pool.vanished', VANISHED);
  await hasArrived('pool.late', LATE);
  await hasArrived('pool.late', BEREFT);
  broken = await look(next);
});
afterAll(async () => {
  await fleet?.close();
  await receiver.close();
});

describe('a webhook arrives', () => {
  test.each([
    ['failed', FAILED, 'snapshot.failed'],
    ['held', HELD, 'snapshot.held'],
    ['late', LATE, 'pool.late'],
    ['vanished', VANISHED, 'pool.vanished'],
    // A killed worker sends nothing. The next one says that its pool is late.
    ['a dead worker left', BEREFT, 'pool.late'],
  ])('of a pool that is %s', (_, poolId, type) => {
    expect(typesOf(poolId)).toEqual(['snapshot.archived', type]);
  });

  test('of nothing else', () => {
    expect(typesOf(WELL)).toEqual(['snapshot.archived']);
  });
});

describe("the dead man's switch", () => {
  test.each([
    ['failed', FAILED, ['start', 'fail']],
    ['held', HELD, ['start', 'fail']],
    ['late', LATE, ['fail']],
    ['vanished', VANISHED, ['fail']],
    ['a dead worker left', BEREFT, ['start', 'fail']],
  ])('of a pool that is %s hears a failure', (_, poolId, signals) => {
    expect(signalsOf(poolId)).toEqual(['start', 'success', ...signals]);
  });

  test('hears no end of a run while its worker is dead, and nothing of a pool that is due', () => {
    expect(heardOfDead[BEREFT]).toEqual(['start', 'success', 'start']);
    expect(heardOfDead[LATE]).toEqual(['start', 'success']);
  });

  test('of a healthy pool hears its success last', () => {
    expect(signalsOf(WELL)).toEqual(['start', 'success']);
  });
});

test.skipIf(LACKS_PROMTOOL)('an alert fires, from what the workers serve', () => {
  const courses = [
    { name: 'healthy', before: healthy, after: healthy, firing: {} },
    {
      name: 'the only worker is dead',
      before: healthy,
      after: dead,
      firing: { CognitoMirrorWorkerDown: [OF_TARGET], CognitoMirrorNoWorker: [{}] },
    },
    {
      name: 'the next worker',
      before: healthy,
      after: broken,
      firing: {
        CognitoMirrorRunFailed: [{ pool_id: FAILED }],
        CognitoMirrorHeld: [{ pool_id: HELD }],
        CognitoMirrorStale: [{ pool_id: LATE }, { pool_id: BEREFT }],
        CognitoMirrorPoolVanished: [{ pool_id: VANISHED }],
        CognitoMirrorWorkerLost: [{}],
      },
    },
  ];
  const file = join(fleet.folder, 'tests.yml');
  writeFileSync(file, stringify(toPromtoolTests(courses)));
  expect(runPromtool('test', 'rules', file)).toBeNull();
});
