import { afterEach, describe, expect, it } from 'vitest';
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
});
