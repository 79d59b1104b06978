import { appendFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ActionRequiredError } from '../../src/model/errors.ts';
import type { Loss } from '../../src/model/restore.ts';
import {
  Journal,
  readRestoredSubs,
  readUnfinished,
  restoreFolder,
} from '../../src/restore/journal.ts';
import type { JournalEntry } from '../../src/restore/journal-entry.ts';
import { writeResults } from '../../src/restore/results.ts';
import { collect, rejection } from '../cognito/support.ts';
import { folderForEach } from '../support/folder-for-each.ts';
import { createSource, planTasks, readPool } from './pool-model.ts';
import { startRestore } from './process.ts';
import { expectNothingTwice, openWorld, SNAPSHOT } from './support.ts';

const home = folderForEach();
const place = () => ({ home: home(), target: 'us-east-1_Target', source: SNAPSHOT });
const file = () => join(restoreFolder(place()), 'journal.jsonl');

const BEGUN: JournalEntry = { event: 'begun', name: 'ann\u2028"\ud800' };
const user = (name: string, sub: string): JournalEntry => ({
  event: 'done',
  entity: 'user',
  action: 'create',
  name,
  sub: `old-${name}`,
  target: { username: name, sub },
});
const FAILED: JournalEntry = {
  event: 'failed',
  entity: 'membership',
  action: 'create',
  name: 'bob',
  detail: 'staff',
  reason: 'group-missing',
  problem: 'AdminAddUserToGroup of us-east-1_Target: …',
};

/** One run that notes these entries. */
async function note(entries: readonly JournalEntry[]): Promise<void> {
  const journal = await Journal.open(place());
  await Promise.all(entries.map((entry) => journal.record(entry)));
  await journal.close();
}

async function read(): Promise<JournalEntry[]> {
  const journal = await Journal.open(place());
  try {
    return (await collect(journal.entries())).filter(({ event }) => event !== 'run');
  } finally {
    await journal.close();
  }
}

describe('the journal', () => {
  test('keeps what is noted, in private files, in the order of noting', async () => {
    const entries = [BEGUN, user('bob', 'new-bob'), FAILED];
    await note(entries);
    expect(await read()).toEqual(entries);
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect((await stat(restoreFolder(place()))).mode & 0o777).toBe(0o700);
    expect(await readUnfinished(place())).toEqual(new Set([BEGUN.name]));
  });

  test('knows which users may be half restored', async () => {
    const failed = (name: string, reason: 'trigger-refused' | 'service-failed' | 'user-state') =>
      ({ ...FAILED, entity: 'user', name, reason }) as const;
    await note([
      ...['done', 'refused', 'unknown', 'half'].map((name) => ({ ...BEGUN, name })),
      user('done', 'new'),
      failed('refused', 'trigger-refused'),
      failed('unknown', 'service-failed'),
      { ...failed('half', 'user-state'), sub: 'old', target: { username: 'half', sub: 'new' } },
    ]);
    expect(await readUnfinished(place())).toEqual(new Set(['unknown', 'half']));
  });

  test('notes many entries at the same time', async () => {
    const entries = Array.from({ length: 3_000 }, (_, i) => user(`user-${i}`, `new-${i}`));
    await note(entries);
    expect(await read()).toEqual(entries);
  });

  test('drops a torn last line, wherever it ends', async () => {
    await note([user('bob', 'new-bob')]);
    const whole = await readFile(file());
    const line = Buffer.from(`${JSON.stringify(user('ann', 'ñ'.repeat(40_000)))}\n`);
    for (const bytes of [1, 20, 70_000, line.length - 1]) {
      await writeFile(file(), Buffer.concat([whole, line.subarray(0, bytes)]));
      expect(await read()).toEqual([user('bob', 'new-bob')]);
      await note([FAILED]);
      expect(await read()).toEqual([user('bob', 'new-bob'), FAILED]);
    }
  });

  test('refuses a line that is damaged, and says what to do', async () => {
    await note([user('bob', 'new-bob')]);
    await appendFile(file(), '{"event":\n{"event":"run","at":""}\n');
    const error = await rejection(Journal.open(place()));
    expect(error).toBeInstanceOf(ActionRequiredError);
    expect(error.message).toMatch(/line 3 is damaged\. Move the file away/);
  });

  test('creates nothing where there is none', async () => {
    expect(await readUnfinished(place())).toEqual(new Set());
    await expect(stat(join(home(), 'restores'))).rejects.toThrow(/ENOENT/);
  });

  test('belongs to one process at a time, also for another snapshot', async () => {
    const journal = await Journal.open(place());
    const other = { ...place(), source: { ...SNAPSHOT, snapshot: '20261121T020000Z' } };
    for (const each of [place(), other]) {
      const error = await rejection(Journal.open(each));
      expect(error).toBeInstanceOf(ActionRequiredError);
      expect(error.message).toMatch(/another process .* is restoring into this pool/);
    }
    await journal.close();
    await (await Journal.open(other)).close();
  });

  test('must be writable before anything is written to the pool', async () => {
    await mkdir(join(home(), 'restores'));
    await writeFile(join(home(), 'restores', 'us-east-1_Target'), '');
    const error = await rejection(Journal.open(place()));
    expect(error).toBeInstanceOf(ActionRequiredError);
    expect(error.message).toMatch(/cannot be written there \((EEXIST|ENOTDIR)\).*MIRROR_HOME/);
  });
});

test('a full disk stops the restore; once there is space, it continues', async () => {
  const world = await openWorld();
  const source = createSource(40, 3);
  const tasks = planTasks(source, world.simulator.pool());
  // Blocks of 512 bytes. The shell's limit stands for the disk: both cut a write short.
  const { ended } = await startRestore(world, tasks, 'ulimit -f 8; exec "$@"');
  const { code, stderr } = await ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/journal\.jsonl cannot be written \(EFBIG\), so the restore stopped/);
  expect(world.simulator.pool().userCount).toBeGreaterThan(0);
  const unfinished = await readUnfinished(world.place);
  const next = await startRestore(world, planTasks(source, world.simulator.pool(), unfinished));
  expect(await next.ended).toEqual({ code: 0, stderr: '' });
  expect(readPool(world.simulator.pool())).toEqual(source);
  expectNothingTwice(world.simulator);
});

test('a second process refuses at once, and the first goes on', async () => {
  // Throttled until the second has ended.
  const world = await openWorld({ faults: { throttle: 1 } });
  const source = createSource(20, 3);
  const tasks = planTasks(source, world.simulator.pool());
  const first = await startRestore(world, tasks);
  await expect.poll(() => world.simulator.attempts.total).toBeGreaterThan(0);
  const second = await startRestore(world, tasks);
  const { code, stderr } = await second.ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/another process of this machine is restoring into this pool/);
  expect(world.simulator.pool().userCount).toBe(0);
  world.simulator.faults.set({});
  expect(await first.ended).toEqual({ code: 0, stderr: '' });
  expect(readPool(world.simulator.pool())).toEqual(source);
  expectNothingTwice(world.simulator);
});

describe('the results', () => {
  test('have every user of all runs once, and what failed in the last', async () => {
    await note([user('ann', 'new-ann'), user('a,b', 'new-ab'), FAILED]);
    // Deleted and restored again.
    await note([user('ann', 'newer-ann'), user('cid', 'new-cid'), { ...FAILED, name: 'cid' }]);
    const journal = await Journal.open(place());
    await journal.record({ ...FAILED, name: 'dan' });
    const half = { sub: 'old-eve', target: { username: 'eve', sub: 'new-eve' } };
    const failedUser = { ...FAILED, entity: 'user', name: 'eve', ...half } as const;
    await journal.record(failedUser);
    const { report, subMap } = await writeResults(journal, { target: 'us-east-1_Target' });
    await journal.close();
    expect(await readFile(subMap, 'utf8')).toBe(
      [
        'username,old_sub,new_sub',
        '"a,b","old-a,b",new-ab',
        'ann,old-ann,newer-ann',
        'cid,old-cid,new-cid',
        'eve,old-eve,new-eve',
        '',
      ].join('\r\n'),
    );
    const failures = [{ ...FAILED, name: 'dan' }, failedUser].map((entry) => ({
      ...entry,
      event: undefined,
    }));
    expect(JSON.parse(await readFile(report, 'utf8'))).toEqual({
      version: 1,
      target: 'us-east-1_Target',
      endedAt: expect.stringMatching(/^\d{4}-/),
      runs: 3,
      done: { user: { created: 4, updated: 0 } },
      failed: { 'group-missing': 2 },
      failures,
      notRestored: [],
    });
    for (const path of [report, subMap]) expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('name what does not come back, and users that both pools had', async () => {
    await note([user('ann', 'new-ann')]);
    const journal = await Journal.open(place());
    const matched = [
      { username: 'ann', sub: 'old-ann', targetSub: 'newest-ann' },
      { username: 'bob', sub: 'old-bob', targetSub: 'new-bob' },
    ];
    const loss: Loss = {
      reason: 'unconfirmed',
      entity: 'user',
      whole: true,
      name: 'eve',
      detail: null,
    };
    const { report, subMap } = await writeResults(journal, {}, { matched, losses: [loss] });
    await journal.close();
    expect((await readFile(subMap, 'utf8')).split('\r\n').slice(1, -1)).toEqual([
      'ann,old-ann,newest-ann',
      'bob,old-bob,new-bob',
    ]);
    expect(JSON.parse(await readFile(report, 'utf8'))).toMatchObject({ notRestored: [loss] });
    expect(await readRestoredSubs(place())).toEqual(new Set(['new-ann']));
  });

  test('are complete without failures too', async () => {
    await note([]);
    const journal = await Journal.open(place());
    const { report } = await writeResults(journal, {});
    await journal.close();
    expect(JSON.parse(await readFile(report, 'utf8'))).toMatchObject({ failed: {}, failures: [] });
  });
});
