import { afterAll, beforeAll, expect, test } from 'vitest';
import { filesBelow } from '../support/cli-mirror.ts';
import { type Fleet, type FleetWorker, openFleet, until } from '../support/fleet.ts';
import { runSql } from '../support/postgres.ts';
import { changeAll, deleteMany } from './marked-pool.ts';
import { noteDatabase, noteProcesses, noteRedis, Outlets } from './outlets.ts';
import { REFUSE_USERS, TAKE_USERS } from './quoting-trigger.ts';
import { openSurroundings, type Surroundings } from './surroundings.ts';

const REDIS_PASSWORD = 'a-password-of-redis';
const HTTP_TOKEN = 'a-token-of:"HTTP"/+x=';

const outlets = new Outlets();
let fleet: Fleet;
let around: Surroundings;

beforeAll(async () => {
  fleet = await openFleet({ users: 0, groups: 0, seed: 6 }, { password: REDIS_PASSWORD });
  around = await openSurroundings(fleet);
  around.marks.add('Redis password', REDIS_PASSWORD);
  around.marks.add('HTTP token', HTTP_TOKEN);
});
afterAll(async () => {
  await fleet.close();
  await around.close();
});

async function startWorker(level: string): Promise<FleetWorker> {
  const worker = await fleet.worker({
    ...around.env,
    LOG_LEVEL: level,
    MIRROR_HTTP_TOKEN: HTTP_TOKEN,
  });
  void outlets.noteOutput(worker);
  return worker;
}

async function ask({ url }: FleetWorker): Promise<void> {
  for (const path of ['/healthz', '/readyz', '/metrics', '/', '/users']) {
    await outlets.noteAnswer(url + path);
    await outlets.noteAnswer(url + path, { Authorization: `Bearer ${HTTP_TOKEN}` });
  }
}

/** Requests a snapshot and expects it to end. `during` may repair things in between. */
async function take(
  worker: FleetWorker,
  outcome: string,
  reason: RegExp | null,
  during?: () => unknown,
): Promise<void> {
  const asked = await fleet.start(['trigger', fleet.poolId], { LOG_LEVEL: 'trace' });
  await outlets.noteOutput(asked);
  await during?.();
  await ask(worker);
  await noteDatabase(outlets, fleet);
  expect(await fleet.settled()).toMatchObject({
    outcome,
    reason: reason === null ? null : expect.stringMatching(reason),
  });
  await ask(worker);
  await noteDatabase(outlets, fleet);
}

/** Resolves once the worker has logged a failed job with this reason. */
const failed = (worker: FleetWorker, reason: string) =>
  until(`a job fails: ${reason}`, async () =>
    worker.output.stderr.split('\n').some((line) => line.includes(reason)),
  );

const sql = (text: string) => runSql(fleet.databaseUrl, text);

async function failForGood(worker: FleetWorker): Promise<void> {
  around.service.instead = ({ operation }) =>
    operation === 'ListUsersInGroup' ? around.refusal('NotAuthorizedException') : null;
  await take(worker, 'failed', /may not call ListUsersInGroup/);
  around.service.instead = () => null;

  around.store.instead = ({ method }) => (method === 'PUT' ? around.wrongSignature : null);
  await take(worker, 'failed', /SignatureDoesNotMatch/);
  around.store.instead = () => null;
  // The next request has the archive to write, and no more.
  await take(worker, 'done', null);
}

async function failForAWhile(worker: FleetWorker): Promise<void> {
  changeAll(fleet.pool);
  await sql(REFUSE_USERS);
  around.service.instead = ({ operation }) =>
    operation === 'ListUsers' ? around.refusal('SomethingElseException') : null;
  await take(worker, 'done', null, async () => {
    await failed(worker, 'an error that is not documented');
    await noteDatabase(outlets, fleet);
    around.service.instead = () => null;
    await failed(worker, '[SQLSTATE 22000]');
    await noteDatabase(outlets, fleet);
    await sql(TAKE_USERS);
  });
}

/** Stops a worker whose service says nothing that can be read. */
async function stop(worker: FleetWorker): Promise<void> {
  let calls = 0;
  around.service.instead = ({ operation }) =>
    operation === 'ListUsers'
      ? (around.malformed[calls++ % around.malformed.length] ?? null)
      : null;
  await fleet.trigger();
  await until('every answer was malformed', async () => calls >= around.malformed.length);
  await ask(worker);
  worker.child.kill('SIGTERM');
  expect((await worker.result).code).toBe(0);
}

test('workers leak no person, no token and no credential', async () => {
  const stopRedis = await noteRedis(outlets, fleet.redis);
  const stopProcesses = noteProcesses(outlets, [fleet.redis.pid]);
  const worker = await startWorker('trace');
  await take(worker, 'done', null);
  await failForGood(worker);
  await failForAWhile(worker);
  deleteMany(fleet.pool);
  await take(worker, 'held', /would be removed/);
  await outlets.noteOutput(await fleet.start(['status'], { LOG_LEVEL: 'trace' }));
  await stop(worker);
  await stopProcesses();
  await stopRedis();
  expect(await filesBelow(fleet.folder)).toEqual([]);
  outlets.noteUrls('service', around.service);
  outlets.noteUrls('store', around.store);

  expect(outlets.find(around.marks)).toEqual([]);
  expect(outlets.names.sort()).toEqual([
    'URLs of service',
    'URLs of store',
    'answers over HTTP',
    'commands to Redis',
    'keys of Redis',
    'processes',
    'standard error',
    'standard output',
    'tables of the machinery',
  ]);
});
