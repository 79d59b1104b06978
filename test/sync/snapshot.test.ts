import { afterEach, describe, expect, it } from 'vitest';
import { WALK_KINDS } from '../../src/model/snapshot.ts';
import type { SnapshotProgress } from '../../src/telemetry/snapshot-progress.ts';
import { expectMirrored } from '../support/directory.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let mirror: TestMirror;
afterEach(() => mirror.close());

describe('a snapshot', () => {
  it.each([1, 2, 3, 4])('equals the pool of seed %i, field by field', async (seed) => {
    mirror = await openTestMirror({ users: 2500, groups: 25, seed });
    const { report, error } = await mirror.sync();
    expect(error).toBeNull();
    expect(report).toMatchObject({
      state: 'archived',
      users: 2500,
      groups: 25,
      memberships: [...mirror.pool.memberships()].length,
      added: 2500,
      throttled: 0,
    });
    await expectMirrored(mirror.db, mirror.pool);
  });

  it('does not depend on its progress, which is only shown', async () => {
    mirror = await openTestMirror({ users: 2500, groups: 3, seed: 5 });
    const stop = new AbortController();
    mirror.proxy.before = ({ operation }) => {
      if (operation === 'ListUsersInGroup') stop.abort();
    };
    const cut = await mirror.sync({ signal: stop.signal, watch: garble });
    expect(cut).toMatchObject({ outcome: 'interrupted', report: { state: 'walking' } });
    mirror.proxy.before = () => {};
    const { snapshot } = cut.report;
    const { report, resumed, error } = await mirror.sync({ watch: garble });
    expect(error).toBeNull();
    expect(resumed).toBe(true);
    expect(report).toMatchObject({ snapshot, state: 'archived', users: 2500, added: 2500 });
    await expectMirrored(mirror.db, mirror.pool);
  });
});

/** A progress whose values are nonsense to read. */
function garble(progress: SnapshotProgress): void {
  const nonsense = { key: null, resumed: null, poolId: '?', phase: 'done', counts: null };
  for (const [name, value] of Object.entries(nonsense)) {
    Object.defineProperty(progress, name, { get: () => value, set: () => {} });
  }
  for (const kind of WALK_KINDS) {
    progress.walks[kind] = new Proxy(progress.walks[kind], { get: () => -1, set: () => true });
  }
}
