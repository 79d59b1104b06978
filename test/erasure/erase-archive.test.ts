import { cpSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Destination } from '../../src/archive/destination.ts';
import { manifestKey, revisionKey } from '../../src/archive/layout.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { describeFile, readWhole } from '../../src/archive/read-object.ts';
import { ResumableError } from '../../src/model/errors.ts';
import { BACKENDS, openFolder, useS3, wrap } from '../archive/destinations.ts';
import { catchRefusal, NEVER, POOL } from '../archive/support.ts';
import { startS3Server } from '../support/s3-server.ts';
import type { S3Bucket } from '../support/s3-store.ts';
import {
  ANA,
  erase,
  FIRST,
  folder,
  keysWith,
  LAST,
  readAll,
  SECOND,
  STATES,
  seal,
  THIRD,
  useSigner,
  verify,
} from './support.ts';

useSigner();

describe.each(BACKENDS)('in $name', ({ open }) => {
  test('a person leaves every part that has them, in all formats, and no other part', async () => {
    const { destination, close } = await open();
    onTestFinished(close);
    await seal(destination);
    const before = await readAll(destination);
    const held = await keysWith(destination);
    expect(held.length).toBeGreaterThan(15);
    const revised = await erase(destination);

    expect(revised.map(({ snapshot, revision }) => [snapshot, revision])).toEqual(
      [FIRST, SECOND, THIRD, LAST].map((snapshot) => [snapshot, 1]),
    );
    expect(await keysWith(destination)).toEqual([]);
    expect(await verify(destination)).toEqual([]);
    const replaced = revised.flatMap(({ parts }) => parts);
    expect(replaced.map((part) => part.old.key).sort()).toEqual(held);
    expect(replaced.every(({ rows }) => rows >= 1)).toBe(true);
    const after = await readAll(destination);
    for (const [key, bytes] of before)
      if (!held.includes(key)) expect(after.get(key)).toEqual(bytes);
    for (const key of held) expect(after.has(key)).toBe(false);
    const revision = JSON.parse(String(after.get(revisionKey(POOL, FIRST, 1))));
    expect(revision).toMatchObject({
      version: 3,
      counts: { users: 5, groups: 1, memberships: 5, settings: 1 },
    });
    const named = revision.objects.map(({ key }: { readonly key: string }) => key);
    const settings = [...before.keys()].filter((key) => key.includes('/settings/'));
    expect(settings).toHaveLength(3);
    expect(named).toEqual(expect.arrayContaining(settings));
    expect([...after.keys()].filter((key) => key.startsWith('locks/'))).toEqual([]);
  });

  test('a second person is a second revision, and the same one again changes nothing', async () => {
    const { destination, close } = await open();
    onTestFinished(close);
    await seal(destination);
    await erase(destination);
    const once = [...(await readAll(destination)).keys()];
    expect(await erase(destination)).toEqual([]);
    expect([...(await readAll(destination)).keys()]).toEqual(once);
    const other = { username: 'user-000003', sub: '0000aaaa-bbbb-cccc-dddd-eeeeff000003' };
    const revised = await erase(destination, [other]);
    expect(revised.map(({ revision }) => revision)).toEqual([2, 2, 2, 2]);
    expect(await keysWith(destination, [other.username])).toEqual([]);
    expect(await verify(destination)).toEqual([]);
  });

  test('several persons rewrite each part once', async () => {
    const { destination, close } = await open();
    onTestFinished(close);
    await seal(destination);
    const other = { username: 'user-000003', sub: '0000aaaa-bbbb-cccc-dddd-eeeeff000003' };
    const revised = await erase(destination, [ANA, other]);
    const keys = revised.flatMap(({ parts }) => parts.map((part) => part.old.key));
    expect(new Set(keys).size).toBe(keys.length);
    expect(revised.map(({ revision }) => revision)).toEqual([1, 1, 1, 1]);
    expect(await keysWith(destination, [ANA.username, other.username])).toEqual([]);
    expect(await verify(destination)).toEqual([]);
  });
});

test.each([['parquet'], ['jsonl'], ['csv']] as const)('an archive of %s alone', async (format) => {
  const { destination, close } = await openFolder();
  onTestFinished(close);
  await seal(destination, { formats: [format], by: null });
  await erase(destination, [ANA], { by: null });
  expect(await keysWith(destination)).toEqual([]);
  expect(await verify(destination)).toEqual([]);
});

test('a rewritten part has the bytes of one in which the person never was', async () => {
  const [withHer, withoutHer] = [await openFolder(), await openFolder()];
  for (const { close } of [withHer, withoutHer]) onTestFinished(close);
  await seal(withHer.destination, { partRows: 100 });
  const revised = await erase(withHer.destination);
  const isOther = ({ username }: { readonly username?: string }) => username !== ANA.username;
  const states = STATES.map((state) => ({
    ...state,
    users: state.users.filter(isOther),
    memberships: state.memberships.filter(isOther),
  }));
  await seal(withoutHer.destination, { partRows: 100, states });
  const parts = revised.flatMap((each) => each.parts);
  expect(parts).toHaveLength(24);
  for (const part of parts) {
    const bytes = await readWhole(withHer.destination, part.new.key, NEVER);
    const expected = await readWhole(withoutHer.destination, part.old.key, NEVER);
    expect(bytes?.equals(expected ?? Buffer.of()), part.new.key).toBe(true);
  }
});

test('a name that belongs to another person now is not touched', async () => {
  const { destination, close } = await openFolder();
  onTestFinished(close);
  await seal(destination);
  expect(await erase(destination, [{ ...ANA, sub: 'another-person' }])).toEqual([]);
});

test('a signed archive needs the key before anything is written', async () => {
  const { destination, close } = await openFolder();
  onTestFinished(close);
  await seal(destination);
  const before = await readAll(destination);
  const refusal = await catchRefusal(erase(destination, [ANA], { by: null }));
  expect(refusal.message).toContain('ARCHIVE_SIGNING_KEY');
  expect(await readAll(destination)).toEqual(before);
});

test('an archive whose documents were changed stays as it is', async () => {
  const { destination, folder, close } = await openFolder();
  onTestFinished(close);
  await seal(destination);
  cpSync(`${folder}/${manifestKey(POOL, FIRST)}`, `${folder}/${manifestKey(POOL, SECOND)}`);
  const refusal = await catchRefusal(erase(destination));
  expect(refusal.message).toContain('not as it was sealed');
  expect(await keysWith(destination)).not.toEqual([]);
});

/** Fails every call that writes or deletes from one of them on, as if the process was killed there. */
function killAt(destination: Destination, moment: number) {
  let writes = 0;
  const count = <T>(run: () => Promise<T>): Promise<T> => {
    writes += 1;
    return writes > moment ? Promise.reject(new ResumableError('killed')) : run();
  };
  const killed = wrap(destination, {
    put: (...args) => count(() => destination.put(...args)),
    create: (...args) => count(() => destination.create(...args)),
    hide: (...args) => count(() => destination.hide(...args)),
    // Killed between two objects.
    delete: async (keys, signal) => {
      for (const key of keys) await count(() => destination.delete([key], signal));
      return [];
    },
  });
  return { killed, writes: () => writes };
}

test('killed at any write, either state answers, and the next run completes it', async () => {
  const sealed = await openFolder();
  onTestFinished(sealed.close);
  await seal(sealed.destination, { formats: ['jsonl'] });
  const copy = async () => {
    const other = await openFolder();
    onTestFinished(other.close);
    cpSync(sealed.folder, other.folder, { recursive: true });
    return other.destination;
  };
  const whole = killAt(await copy(), Number.POSITIVE_INFINITY);
  await erase(whole.killed);
  expect(whole.writes()).toBeGreaterThan(30);
  for (let moment = 0; moment < whole.writes(); moment += 1) {
    const destination = await copy();
    await erase(killAt(destination, moment).killed).catch(() => {});
    // Either the old objects or the new ones answer: nothing is missing, and nothing is a stranger.
    const codes = new Set((await verify(destination)).map(({ code }) => code));
    codes.delete('rows');
    expect([...codes], `after ${moment} writes`).toEqual([]);
    await erase(destination);
    expect(await keysWith(destination), `after ${moment} writes`).toEqual([]);
    expect(await verify(destination), `after ${moment} writes`).toEqual([]);
    expect(
      [...(await readAll(destination)).keys()].filter((key) => key.startsWith('locks/')),
    ).toEqual([]);
  }
});

describe('in a bucket with versions and Object Lock', () => {
  const openLocked = async () => {
    const server = await startS3Server({ versions: 'object lock', pageSize: 2 });
    onTestFinished(() => server.close());
    useS3(server);
    const destination = await openDestination('s3://archive/of/pools');
    await destination.check(NEVER);
    return { destination, bucket: server.buckets.get('archive') as S3Bucket };
  };

  test('every version of a replaced part goes', async () => {
    const { destination, bucket } = await openLocked();
    await seal(destination);
    const held = await keysWith(destination);
    const [part = ''] = held;
    const again = join(folder.path, 'again');
    await writeFile(again, (await readWhole(destination, part, NEVER)) ?? '');
    await destination.put(part, await describeFile(again), NEVER);
    await erase(destination);
    for (const key of held) {
      expect(bucket.versions.filter((version) => version.key === `of/pools/${key}`)).toEqual([]);
    }
    expect(await verify(destination)).toEqual([]);
  });

  test('what is locked is named with its date, is no finding, and goes once it may', async () => {
    const { destination, bucket } = await openLocked();
    await seal(destination);
    const held = await keysWith(destination);
    const inADay = new Date(Date.now() + 86_400_000);
    const locked = bucket.versions.filter(({ key }) => held.some((each) => key.endsWith(each)));
    for (const version of locked) version.retention = { mode: 'COMPLIANCE', until: inADay };
    const revised = await erase(destination);
    const waiting = revised.flatMap((each) => each.locked);
    expect(waiting.map(({ key }) => key).sort()).toEqual(held);
    expect(waiting.every(({ until }) => until?.getTime() === inADay.getTime())).toBe(true);
    expect(await verify(destination)).toEqual([]);
    for (const version of locked) version.retention = null;
    expect((await verify(destination)).map(({ code }) => code)).toContain('extra');
    await erase(destination);
    expect(await keysWith(destination)).toEqual([]);
    expect(await verify(destination)).toEqual([]);
  });

  test('new parts and revisions are locked like those that they replace', async () => {
    const { destination, bucket } = await openLocked();
    const lock = { mode: 'governance', days: 1, manifestDays: 30 } as const;
    await seal(destination, { lock });
    const [revised] = await erase(destination, [ANA], { lock });
    const part = bucket.version(`of/pools/${revised?.parts[0]?.new.key}`);
    expect(part?.retention?.mode).toBe('GOVERNANCE');
    const document = bucket.version(`of/pools/${revisionKey(POOL, FIRST, 1)}`);
    expect(document?.retention?.until.getTime()).toBeGreaterThan(Date.now() + 29 * 86_400_000);
  });
});
