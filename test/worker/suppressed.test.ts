import { afterAll, beforeAll, expect, test } from 'vitest';
import { suppress } from '../../src/postgres/store/suppressed.ts';
import { privacyOf } from '../support/privacy.ts';
import { openWorkerMirror, type WorkerMirror } from '../support/worker-mirror.ts';

const POOL = 'us-east-1_Suppressing';

let mirror: WorkerMirror;
beforeAll(async () => {
  mirror = await openWorkerMirror({ users: 150, groups: 4, pools: [POOL] });
  const { poolDeps } = mirror.deps;
  Object.assign(mirror.deps, {
    poolDeps: async (id: string) => ({ ...(await poolDeps(id)), privacy: privacyOf(id) }),
  });
});
afterAll(() => mirror.close());

test('workers leave out those who were forgotten with --suppress, and count each once', async () => {
  const pool = mirror.simulator.pool(POOL);
  const persons = [...pool.users()].slice(0, 3);
  const [group = ''] = pool.groupNames();
  for (const { username } of persons) pool.addToGroup(username, group);
  const subs = persons.map(({ attributes }) => attributes.get('sub') ?? '');
  const hashes = subs.map((sub) => privacyOf(POOL).hashSub(sub) ?? '');
  // One of them has left the pool since.
  await suppress(mirror.db, POOL, [...hashes, privacyOf(POOL).hashSub('gone') ?? '']);
  await mirror.startWorker();
  await mirror.ask(POOL, 'trigger');
  expect(await mirror.ended(POOL)).toMatchObject({ outcome: 'done' });
  expect(await mirror.rows('SELECT users::int, suppressed::int FROM directory.snapshots')).toEqual([
    { users: 147, suppressed: 3 },
  ]);
  for (const table of ['directory.users', 'directory.memberships']) {
    expect(await mirror.rows(`SELECT FROM ${table} WHERE sub = ANY ($1)`, [subs])).toEqual([]);
  }
});
