import { afterEach, expect, test } from 'vitest';
import type { NotificationData } from '../../src/model/notification.ts';
import { type Fleet, openFleet, until } from '../support/fleet.ts';
import { holdCalls } from '../support/holds.ts';
import { notifying, type Receiver, startReceiver } from '../support/receiver.ts';

let fleet: Fleet;
let receiver: Receiver;
afterEach(async () => {
  await fleet.close();
  await receiver.close();
});

async function open(users = 30): Promise<void> {
  receiver = await startReceiver();
  fleet = await openFleet({ users, groups: 2, seed: 71 });
}

const events = () => receiver.webhooks().map(({ type, data }) => `${type} ${data.state}`);
const signals = () => receiver.pings().map(({ signal }) => signal);
/** Every id of a run that was pinged, once. */
const runs = () => [...new Set(receiver.pings().map(({ rid }) => rid))];

test('sync reports what was archived, held, failed and released by webhook and ping', async () => {
  await open(90);
  const env = notifying(receiver);
  expect(await fleet.sync([], env)).toMatchObject({ code: 0 });
  expect(events()).toEqual(['snapshot.archived archived']);
  expect(signals()).toEqual(['start', 'success']);
  expect(runs()).toEqual([expect.stringMatching(/^[\da-f-]{36}$/)]);
  expect(receiver.pings()[1]?.pool).toBe(fleet.poolId.toLowerCase());

  for (const { username } of [...fleet.pool.users()].slice(0, 60)) {
    fleet.pool.deleteUser(username);
  }
  const held = await fleet.sync([], env);
  expect(held).toMatchObject({ code: 3, reports: [{ state: 'held' }] });
  const [{ snapshot, reason } = { snapshot: null, reason: null }] = held.reports;
  expect(events().slice(1)).toEqual(['snapshot.held held']);
  expect(receiver.webhooks().at(-1)?.data).toMatchObject({
    snapshot,
    reason,
    counts: { users: 30 },
    changes: null,
    head: { snapshots: 1 },
  });
  expect(signals().slice(2)).toEqual(['start', 'fail']);
  const body = JSON.parse(receiver.pings().at(-1)?.body ?? '') as NotificationData;
  expect(body).toEqual(receiver.webhooks().at(-1)?.data);
  expect(runs()).toHaveLength(2);

  expect(await fleet.run(['release', `${fleet.poolId}/${snapshot}`], env)).toMatchObject({
    code: 0,
  });
  expect(events().slice(2)).toEqual(['snapshot.archived archived']);
  expect(signals().slice(4)).toEqual(['success']);

  fleet.proxy.before = ({ operation }) =>
    operation === 'ListUsers' ? { __type: 'AccessDeniedException', message: 'no' } : undefined;
  expect(await fleet.sync([], env)).toMatchObject({ code: 2 });
  fleet.proxy.before = () => {};
  expect(events().slice(3)).toEqual(['snapshot.failed walking']);
  expect(signals().slice(5)).toEqual(['start', 'fail']);

  const unusable = {
    ...env,
    ARCHIVE_URL: 's3://bucket',
    AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1',
  };
  expect((await fleet.sync([], { ...unusable, AWS_REGION: 'us-east-1' })).code).toBeGreaterThan(0);
  expect(events().slice(4)).toEqual(['snapshot.failed null']);
  expect(signals().slice(7)).toEqual(['fail']);
});

test('a receiver that is down delays no run; the next worker sends all, and what became late', async () => {
  await open();
  receiver.answer = 500;
  const down = await fleet.sync([], notifying(receiver));
  expect(down).toMatchObject({ code: 0, reports: [{ state: 'archived' }] });
  expect(down.stderr).toContain('webhooks wait for delivery');
  expect(down.stderr + down.stdout).not.toContain(new URL(receiver.url).port);
  const [{ id } = { id: '' }] = receiver.webhooks();
  receiver.answer = 200;
  await fleet.rows('UPDATE mirror.notifications SET next_attempt_at = now()');
  // For three days, no worker was alive.
  const poolId = fleet.poolId;
  await fleet.rows(
    `INSERT INTO mirror.schedules (pool_id, pattern, timezone, due_at, starts_at, since)
     VALUES ($1, '0 2 * * *', 'UTC', now() + interval '1 hour', now() + interval '1 hour',
       now() - interval '9 days')`,
    [poolId],
  );
  await fleet.rows("UPDATE directory.snapshots SET published_at = now() - interval '3 days'");
  await fleet.worker(notifying(receiver));
  await until('both are delivered', async () => new Set(events()).size > 1);
  const [, ...later] = receiver.webhooks();
  expect(later).toContainEqual(expect.objectContaining({ id, type: 'snapshot.archived' }));
  expect(later).toContainEqual(
    expect.objectContaining({
      type: 'pool.late',
      data: expect.objectContaining({ poolId, head: expect.objectContaining({ snapshots: 1 }) }),
    }),
  );
  await until('it is pinged', async () => receiver.pings().at(-1)?.signal === 'fail');
});

test('the run of a killed worker is ended by another, with the same id', async () => {
  await open(300);
  const env = notifying(receiver);
  const held = holdCalls(fleet, 'ListUsersInGroup', 1);
  const worker = await fleet.worker(env);
  await fleet.trigger();
  await until('it reads', async () => held.reached() && receiver.pings().length > 0);
  worker.child.kill('SIGKILL');
  await worker.result;
  // The receiver knows a run without an end: its own rule reports that.
  expect(signals()).toEqual(['start']);
  held.release();
  await Promise.all([fleet.worker(env), fleet.worker(env)]);
  expect(await fleet.settled()).toMatchObject({ outcome: 'done' });
  await until('its end is reported', async () => signals().length > 1 && events().length > 0);
  expect(signals()).toEqual(['start', 'success']);
  expect(runs()).toHaveLength(1);
  expect(events()).toEqual(['snapshot.archived archived']);
});
