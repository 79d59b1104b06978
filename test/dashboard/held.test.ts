import { expect, test } from 'vitest';
import type { DashboardActions } from '../../src/dashboard/deps.ts';
import { HeldReader } from '../../src/dashboard/held-reader.ts';
import type { Change } from '../../src/history/changes.ts';
import type { Diff } from '../../src/history/diff.ts';

const HELD = { poolId: 'us-east-1_Held', snapshotAt: new Date('2026-11-28T02:00:00Z') };

const SUMMARY: Diff['summary'] = {
  users: { added: 0, removed: 80, modified: 0, replaced: 0 },
  groups: { added: 0, removed: 0, modified: 0 },
  memberships: { added: 0, removed: 0 },
};

/** A comparison that ends when the test lets it. */
function startSlowDiff() {
  const removed = Array.from({ length: 40 }, (_, n) => {
    const change = { entity: 'user', kind: 'removed', username: `user-${n}` };
    return change as unknown as Change;
  });
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const signals: AbortSignal[] = [];
  const diff: DashboardActions['diff'] = async (poolId, use, { signal }) => {
    signals.push(signal);
    signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    });
    await Promise.race([ended, aborted]);
    const compared = { poolId, from: 'a', to: 'b' };
    await use(
      compared,
      (async function* () {
        yield removed;
        yield removed;
      })(),
    );
    return { ...compared, summary: SUMMARY };
  };
  return { diff, signals, end: () => end() };
}

test('a held snapshot is compared once for all who look, and the first changes are kept', async () => {
  const { diff, signals, end } = startSlowDiff();
  const reader = new HeldReader(diff);
  expect(await Promise.all([reader.read(HELD), reader.read(HELD)])).toEqual([
    'comparing',
    'comparing',
  ]);
  end();
  await expect.poll(() => reader.read(HELD)).toMatchObject({ summary: SUMMARY });
  const found = await reader.read(HELD);
  expect(typeof found === 'object' && found.shown.length).toBe(50);
  expect(signals).toHaveLength(1);
});

test('a comparison ends with the server, and a failed one is made again', async () => {
  const { diff, signals } = startSlowDiff();
  const reader = new HeldReader(diff);
  expect(await reader.read(HELD)).toBe('comparing');
  reader.close();
  expect(signals[0]?.aborted).toBe(true);
  await expect(reader.read(HELD)).rejects.toThrow();
  await expect(reader.read(HELD)).rejects.toThrow();
  expect(signals).toHaveLength(2);
});
