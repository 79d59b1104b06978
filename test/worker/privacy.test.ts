import { afterAll, beforeAll, expect, test } from 'vitest';
import { snapshotId } from '../../src/model/snapshot.ts';
import { beginSnapshot } from '../../src/postgres/store/transitions.ts';
import { SnapshotSessions } from '../../src/runner/worker/sessions.ts';
import { privacyOf } from '../support/privacy.ts';
import { openWorkerMirror, type WorkerMirror } from '../support/worker-mirror.ts';

const RESTARTED = 'us-east-1_Restarted';
const WALKED = 'us-east-1_Walked';

let mirror: WorkerMirror;
beforeAll(async () => {
  mirror = await openWorkerMirror({ users: 150, groups: 4, pools: [RESTARTED, WALKED] });
  const { poolDeps } = mirror.deps;
  Object.assign(mirror.deps, {
    poolDeps: async (id: string) => ({
      ...(await poolDeps(id)),
      privacy: privacyOf(id, { database: { omit: [], hash: ['email'] } }),
    }),
  });
});
afterAll(() => mirror.close());

test('a request whose snapshot was begun under other privacy rules gets a new one', async () => {
  const { lease } = await beginSnapshot(mirror.db, RESTARTED);
  await mirror.startWorker();
  await mirror.ask(RESTARTED, 'trigger', lease.snapshotAt);
  expect(await mirror.ended(RESTARTED)).toMatchObject({ outcome: 'done' });
  const snapshots = 'SELECT state, privacy FROM directory.snapshots ORDER BY snapshot_at';
  expect(await mirror.rows(snapshots)).toMatchObject([
    { state: 'failed', privacy: null },
    { state: 'archived', privacy: { omitted: [], hashed: { email: expect.any(String) } } },
  ]);
  expect(await mirror.rows("SELECT FROM directory.users WHERE email LIKE '%@%'")).toEqual([]);
});

test('a walk of such a snapshot reads nothing', async () => {
  const { lease } = await beginSnapshot(mirror.db, WALKED);
  const sessions = new SnapshotSessions(mirror.deps);
  const { number, snapshotAt } = lease;
  const snapshot = snapshotId(snapshotAt);
  const walk = { poolId: WALKED, snapshot, lease: number, walk: 1, requestId: 1 };
  const before = mirror.simulator.attempts.total;
  expect(await sessions.borrow(walk, 'request-1-1')).toBeNull();
  expect(mirror.simulator.attempts.total).toBe(before);
});
