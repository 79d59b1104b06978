import { Writable } from 'node:stream';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Notifier } from '../../src/notify/notifier.ts';
import { openPool } from '../../src/postgres/connection.ts';
import { recordLate } from '../../src/postgres/coordination/alarms.ts';
import { openLocks } from '../../src/postgres/coordination/locks.ts';
import { openMetricsQuery } from '../../src/postgres/coordination/metrics.ts';
import { saveSchedules } from '../../src/postgres/coordination/schedules.ts';
import { readPoolRows } from '../../src/postgres/store/pool-status.ts';
import { reportLate, reportVanished, tryReport } from '../../src/runner/alarms.ts';
import { createLogger, type Logger } from '../../src/telemetry/logger.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { notifying, type Receiver, SECRET, startReceiver } from '../support/receiver.ts';

const [CRM, SHOP] = ['us-east-1_Crm', 'us-east-1_Shop'] as const;

let mirror: CliMirror;
let receiver: Receiver;
/** Pools that the service does not list. */
let hidden: string[] = [];

beforeAll(async () => {
  mirror = await openCliMirror({ pools: [CRM, SHOP], users: 5, groups: 1 });
});
beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(async () => {
  await mirror.close();
  await receiver.close();
});
afterEach(() => {
  hidden = [];
});

const environment = () => ({
  ...notifying(receiver),
  COGNITO_POOLS: 'all',
  AWS_REGION: 'us-east-1',
});
const events = (type: string) => receiver.webhooks().filter((each) => each.type === type);

test('a pool that vanished is reported once, stays in status and metrics, and can be retired', async () => {
  mirror.proxy.after = (_, answer) => {
    const pools = answer['UserPools'] as { Id: string }[] | undefined;
    return pools
      ? { ...answer, UserPools: pools.filter(({ Id }) => !hidden.includes(Id)) }
      : answer;
  };
  mirror.proxy.before = ({ request }) =>
    hidden.includes(String(request['UserPoolId']))
      ? { __type: 'ResourceNotFoundException', message: 'gone' }
      : undefined;
  const env = environment();
  expect(await mirror.sync([], env)).toMatchObject({ code: 0 });
  expect((await mirror.run(['retire', SHOP], env)).stderr).toContain('COGNITO_POOLS=all lists');

  // An error of the listing does not make a pool vanish.
  mirror.proxy.before = ({ operation }) =>
    operation === 'ListUserPools' ? { __type: 'AccessDeniedException', message: 'no' } : undefined;
  expect((await mirror.sync([], env)).code).not.toBe(0);
  expect(events('pool.vanished')).toEqual([]);

  mirror.proxy.before = ({ request }) =>
    hidden.includes(String(request['UserPoolId']))
      ? { __type: 'ResourceNotFoundException', message: 'gone' }
      : undefined;
  hidden = [SHOP];
  expect((await mirror.sync([], env)).code).toBe(1);
  expect((await mirror.sync([], env)).code).toBe(1);
  expect(events('pool.vanished').map(({ data }) => data)).toEqual([
    expect.objectContaining({ poolId: SHOP, snapshot: null, head: expect.any(Object) }),
  ]);
  const shop = receiver.pings().filter(({ pool }) => pool === SHOP.toLowerCase());
  expect(shop.filter(({ rid, signal }) => rid === null && signal === 'fail')).not.toEqual([]);
  const { stdout } = await mirror.run(['status', SHOP]);
  expect(stdout).toContain('vanished: COGNITO_POOLS=all no longer lists it');
  expect(await metricsOf(SHOP)).toMatchObject({ vanished: true });
  expect(await metricsOf(CRM)).toMatchObject({ vanished: false });

  const retired = await mirror.run(['retire', SHOP], env);
  expect(retired).toMatchObject({ code: 0, stdout: expect.stringContaining('is retired') });
  expect(await mirror.sync([], env)).toMatchObject({ code: 0 });
  expect(await metricsOf(SHOP)).toBeUndefined();
  const check = await mirror.run(['status', '--check', '--max-age', '26h'], env);
  expect(check).toMatchObject({ code: 0, stdout: expect.not.stringContaining(SHOP) });
  expect(await statusOf(SHOP)).toMatchObject({ vanished: false, retired: true });
  expect(events('pool.vanished')).toHaveLength(1);

  // It is back: everything as before.
  hidden = [];
  expect(await mirror.sync([], env)).toMatchObject({ code: 0 });
  expect(await metricsOf(SHOP)).toMatchObject({ vanished: false });
  expect(await statusOf(SHOP)).toMatchObject({ vanished: false, retired: false });
});

async function statusOf(poolId: string) {
  const db = openPool(mirror.databaseUrl, 1);
  try {
    return (await readPoolRows(db, [poolId]))[0];
  } finally {
    await db.end();
  }
}

async function metricsOf(poolId: string) {
  const db = openPool(mirror.databaseUrl, 1);
  try {
    const figures = await openMetricsQuery(db, (error) => {
      throw error;
    })();
    return figures?.pools.find((each) => each.poolId === poolId);
  } finally {
    await db.end();
  }
}

function openNotifier(db: pg.Pool, log: Logger): Notifier {
  const webhook = {
    url: `${receiver.url}/hook`,
    secret: SECRET,
    format: 'standard',
    allowPrivate: true,
  } as const;
  return new Notifier({ db, log, webhook, urlOf: (poolId) => `${receiver.url}/ping/${poolId}` });
}

test('a pool that is late is reported once, until it is on time', async () => {
  const db = openPool(mirror.databaseUrl, 2);
  const log = createLogger({ level: 'silent' });
  const notifier = openNotifier(db, log);
  const look = async () => {
    await Promise.all([reportLate({ db, notifier, log }), reportLate({ db, notifier, log })]);
    await notifier.finish(new AbortController().signal);
    return events('pool.late').length;
  };
  try {
    const never = 'us-east-1_Never';
    await saveSchedules(db, [{ poolId: never, pattern: '0 * * * *', timezone: 'UTC' }]);
    expect(await look()).toBe(0);
    await db.query("UPDATE mirror.schedules SET since = now() - interval '4 hours'");
    expect(await look()).toBe(1);
    expect(await look()).toBe(1);
    expect(events('pool.late')[0]?.data).toMatchObject({
      poolId: never,
      reason: 'No snapshot was published yet, and a run was due more than two hours ago.',
    });
    const pings = receiver.pings().filter(({ pool }) => pool === never);
    expect(pings.map(({ signal, rid }) => [signal, rid])).toEqual([['fail', null]]);
    expect(await metricsOf(never)).toMatchObject({ late: true });

    await db.query('UPDATE mirror.schedules SET since = now()');
    expect(await look()).toBe(1);
    expect(await metricsOf(never)).toMatchObject({ late: false });
    await db.query("UPDATE mirror.schedules SET since = now() - interval '4 hours'");
    expect(await look()).toBe(2);
  } finally {
    await db.end();
  }
});

test('a pool is not late if a newer snapshot was published since it was looked at', async () => {
  const db = openPool(mirror.databaseUrl, 1);
  try {
    await saveSchedules(db, [{ poolId: CRM, pattern: '0 * * * *', timezone: 'UTC' }]);
    const late = { poolId: CRM, reason: 'No snapshot was published yet.', newestAt: null };
    expect(await recordLate(db, [late])).toEqual([]);
    const [newest] = (
      await db.query<{ at: Date }>(
        "SELECT max(snapshot_at) AS at FROM directory.snapshots WHERE pool_id = $1 AND state = 'archived'",
        [CRM],
      )
    ).rows;
    const judged = { ...late, newestAt: newest?.at ?? null };
    expect(await recordLate(db, [judged])).toEqual([{ poolId: CRM, reason: late.reason }]);
  } finally {
    await db.query('DELETE FROM mirror.schedules');
    await db.query('DELETE FROM mirror.notifications');
    await db.end();
  }
});

test('a message of three days ago without an attempt is not sent once there is a receiver', async () => {
  const db = openPool(mirror.databaseUrl, 2);
  const notifier = openNotifier(db, createLogger({ level: 'silent' }));
  const sent = () => receiver.webhooks().map(({ id }) => id);
  try {
    const { rows } = await db.query<{ id: string }>(
      `INSERT INTO mirror.notifications (type, pool_id, data, attempts, occurred_at)
       SELECT 'pool.late', $1, '{}', attempts, clock_timestamp() - make_interval(days => days)
       FROM (VALUES (0, 4), (0, 2), (1, 4)) AS given (attempts, days) RETURNING id`,
      [CRM],
    );
    const [old, recent, tried] = rows.map(({ id }) => id);
    await notifier.finish(new AbortController().signal);
    expect(sent()).toEqual(expect.arrayContaining([recent, tried]));
    expect(sent()).not.toContain(old);
  } finally {
    await db.query('DELETE FROM mirror.notifications');
    await db.end();
  }
});

test('an error of Postgres while alarms are looked for or sent is logged, and ends no run', async () => {
  const lines: string[] = [];
  const destination = new Writable({
    decodeStrings: false,
    write(line: string, _, done) {
      lines.push((JSON.parse(line) as { msg: string }).msg);
      done();
    },
  });
  const log = createLogger({ level: 'info', destination });
  const db = openPool(mirror.databaseUrl, 1);
  await db.end();
  await tryReport(reportVanished, { db, log });
  await tryReport(reportLate, { db, log });
  await openNotifier(db, log).finish(new AbortController().signal);
  const looked = 'could not look for pools that vanished or are late';
  expect(lines).toEqual([looked, looked, expect.stringContaining('could not deliver webhooks')]);
});

test('a sync that is refused because another run has the pool reports nothing', async () => {
  const locks = await openLocks(mirror.databaseUrl, () => {});
  const before = [receiver.pings().length, receiver.webhooks().length];
  try {
    await locks.lockPool(CRM);
    const refused = await mirror.sync([CRM], notifying(receiver));
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('is reading') });
  } finally {
    await locks.unlock();
  }
  expect([receiver.pings().length, receiver.webhooks().length]).toEqual(before);
});
