import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseRemoval } from '../../src/archive/amendments.ts';
import type { Destination } from '../../src/archive/destination.ts';
import { lockKey, manifestKey, removalKey, signatureKey } from '../../src/archive/layout.ts';
import { describeFile } from '../../src/archive/read-object.ts';
import { ActionRequiredError, ResumableError } from '../../src/model/errors.ts';
import type { Signer } from '../../src/signature/signer.ts';
import { BACKENDS, type Backend, openFolder, wrap } from '../archive/destinations.ts';
import { catchError, catchRefusal, NEVER, POOL } from '../archive/support.ts';
import {
  ALL_REMOVED,
  FIRST,
  folder,
  LAST,
  listKeys,
  outcomes,
  partsOf,
  prune,
  read,
  SECOND,
  seal,
  signer,
  THIRD,
  useSigner,
  verify,
} from './support.ts';

useSigner();

describe.each(BACKENDS)('in $name', ({ open }) => {
  let backend: Backend;
  let destination: Destination;
  beforeEach(async () => {
    backend = await open();
    ({ destination } = backend);
  });
  afterEach(() => backend.close());

  describe.each([
    ['signed', (): Signer | null => signer],
    ['unsigned', (): Signer | null => null],
  ] as const)('a %s archive', (_, by) => {
    test('loses the objects that the rule does not keep, and nothing else', async () => {
      await seal(destination, by());
      const before = await listKeys(destination);
      const pruning = await prune(destination, { signer: by() });
      expect(outcomes(pruning)).toEqual(ALL_REMOVED);
      const gone = [...partsOf(before, FIRST), ...partsOf(before, SECOND)];
      const added = [FIRST, SECOND].flatMap((snapshot) => {
        const key = removalKey(POOL, snapshot);
        return by() === null ? [key] : [key, signatureKey(key)];
      });
      expect(await listKeys(destination)).toEqual(
        [...before.filter((key) => !gone.includes(key)), ...added].sort(),
      );
      expect(await verify(destination)).toMatchObject({
        findings: [],
        snapshots: 4,
        removedSnapshots: 2,
      });
    });
  });

  test('the removal names every object and the manifest that it follows', async () => {
    await seal(destination, null);
    const parts = partsOf(await listKeys(destination), FIRST);
    const pruning = await prune(destination);
    const removal = parseRemoval(await read(destination, removalKey(POOL, FIRST)));
    expect(removal).toMatchObject({
      poolId: POOL,
      snapshot: FIRST,
      objects: parts,
      follows: { key: manifestKey(POOL, FIRST) },
    });
    const [first] = pruning.snapshots;
    expect(first).toMatchObject({ objects: parts.length, keptBy: [], problem: null });
    expect(first?.bytes).toBeGreaterThan(0);
  });

  test('a dry run says what a run does, and writes nothing', async () => {
    await seal(destination, signer);
    const before = await listKeys(destination);
    const dry = await prune(destination, { signer, dryRun: true });
    expect(await listKeys(destination)).toEqual(before);
    const real = await prune(destination, { signer });
    expect(dry).toEqual({ ...real, dryRun: true });
  });

  test('a second run removes nothing more, and a new snapshot makes one more due', async () => {
    await seal(destination, null);
    await prune(destination);
    const before = await listKeys(destination);
    const again = await prune(destination);
    expect(outcomes(again)).toEqual([
      [THIRD, 'kept'],
      [LAST, 'kept'],
    ]);
    expect(again.removedBefore).toEqual([FIRST, SECOND]);
    expect(await listKeys(destination)).toEqual(before);
    await seal(destination, null, POOL, ['20261122T020000Z']);
    expect(outcomes(await prune(destination))).toEqual([
      [THIRD, 'removed'],
      [LAST, 'kept'],
      ['20261122T020000Z', 'kept'],
    ]);
    expect((await verify(destination)).findings).toEqual([]);
  });

  test('other pools of the archive are not touched', async () => {
    const other = 'us-east-1_Other1234';
    await seal(destination, null);
    await seal(destination, null, other);
    const before = (await listKeys(destination)).filter((key) => key.includes(other));
    await prune(destination);
    expect((await listKeys(destination)).filter((key) => key.includes(other))).toEqual(before);
    expect((await verify(destination, other)).findings).toEqual([]);
  });
});

describe('prune', () => {
  let destination: Destination;
  let close: () => Promise<void>;
  beforeEach(async () => {
    ({ destination, close } = await openFolder());
  });
  afterEach(() => close());

  test('refuses to write unsigned removals into a signed archive', async () => {
    await seal(destination, signer);
    const before = await listKeys(destination);
    for (const dryRun of [true, false]) {
      const { problems } = await catchRefusal(prune(destination, { dryRun }));
      expect(problems).toMatchObject([{ subject: 'ARCHIVE_SIGNING_KEY' }]);
    }
    expect(await listKeys(destination)).toEqual(before);
  });

  test('needs no key if nothing is due', async () => {
    await seal(destination, signer);
    expect(outcomes(await prune(destination, { rule: { last: 4 } }))).toHaveLength(4);
  });

  test('leaves a snapshot whose documents were changed, and removes the others', async () => {
    await seal(destination, signer);
    await destination.delete([signatureKey(manifestKey(POOL, SECOND))], NEVER);
    const before = await listKeys(destination);
    const pruning = await prune(destination, { signer });
    expect(outcomes(pruning)).toEqual([
      [FIRST, 'removed'],
      [SECOND, 'failed'],
      [THIRD, 'kept'],
      [LAST, 'kept'],
    ]);
    expect(pruning.snapshots[1]?.problem).toBe(
      `${manifestKey(POOL, SECOND)} is not as it was sealed. ${manifestKey(POOL, SECOND)}.sig is missing. Run \`cognito-mirror verify\`, and restore what it names.`,
    );
    expect(partsOf(await listKeys(destination), SECOND)).toEqual(partsOf(before, SECOND));
  });

  test('tries no other after a failure that may pass', async () => {
    await seal(destination, null);
    const failing = wrap(destination, {
      delete: () => Promise.reject(new ResumableError('the disk is away')),
    });
    const { snapshots } = await prune(failing, { rule: { last: 1 } });
    expect(snapshots.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'failed', 'kept']);
    expect(snapshots[0]?.problem).toBe('the disk is away');
  });

  test('neither completes nor signs a removal of somebody else', async () => {
    await seal(destination, signer);
    await prune(destination, { signer, rule: { daily: 3 } });
    const bytes = await read(destination, removalKey(POOL, FIRST));
    const forged = Buffer.from(bytes.toString().replace('part-00000', 'part-00009'));
    const file = join(folder.path, 'forged');
    await writeFile(file, forged);
    await destination.put(removalKey(POOL, SECOND), await describeFile(file), NEVER);
    await writeFile(file, `${JSON.stringify({ installation: 'a-database' })}\n`);
    await destination.put(lockKey(POOL, SECOND), await describeFile(file), NEVER);
    const before = await listKeys(destination);
    const { snapshots } = await prune(destination, { signer });
    expect(snapshots[0]).toMatchObject({ snapshot: SECOND, outcome: 'failed' });
    expect(snapshots[0]?.problem).toContain('another document in the place of the removal');
    expect(await listKeys(destination)).toEqual(before);
  });

  test('does not touch a snapshot that another mirror writes', async () => {
    await seal(destination, null);
    const file = join(folder.path, 'lock');
    await writeFile(file, '{"installation":"another"}\n');
    await destination.put(lockKey(POOL, FIRST), await describeFile(file), NEVER);
    const { snapshots } = await prune(destination);
    expect(snapshots.map(({ outcome }) => outcome)).toEqual(['failed', 'removed', 'kept', 'kept']);
    expect(snapshots[0]?.problem).toContain('another mirror');
    expect(partsOf(await listKeys(destination), FIRST)).not.toEqual([]);
  });

  test('stops with the signal', async () => {
    await seal(destination, null);
    const stop = new AbortController();
    const stopping = wrap(destination, {
      create(key, file, signal) {
        stop.abort(new ActionRequiredError([]));
        return destination.create(key, file, signal);
      },
    });
    expect(await catchError(prune(stopping, { signal: stop.signal }))).toBe(stop.signal.reason);
  });

  test('several runs at once do no harm', async () => {
    await seal(destination, signer);
    const runs = [1, 2, 3].map(() => prune(destination, { signer }));
    for (const pruning of await Promise.all(runs)) {
      expect(pruning.snapshots.map(({ outcome }) => outcome)).not.toContain('failed');
    }
    expect(await verify(destination)).toMatchObject({ findings: [], removedSnapshots: 2 });
  });

  test('reads nothing of the snapshots that it keeps or that were removed before', async () => {
    await seal(destination, signer);
    await prune(destination, { signer });
    const calls: string[] = [];
    const watched = wrap(destination, {
      list: (prefix, signal) => {
        calls.push(`list ${prefix}`);
        return destination.list(prefix, signal);
      },
      head: async (key) => {
        throw new Error(`unexpected head of ${key}`);
      },
      read: async (key) => {
        throw new Error(`unexpected read of ${key}`);
      },
    });
    await prune(watched, { signer });
    expect(calls).toEqual([`list manifests/pool_id=${POOL}/`, `list locks/pool_id=${POOL}/`]);
  });
});

describe('verify', () => {
  let destination: Destination;
  let close: () => Promise<void>;
  beforeEach(async () => {
    ({ destination, close } = await openFolder());
    await seal(destination, null);
  });
  afterEach(() => close());

  test('names an object that a removal says was deleted', async () => {
    const [part = ''] = partsOf(await listKeys(destination), FIRST);
    const kept = wrap(destination, {
      delete: (keys, signal) =>
        destination.delete(
          keys.filter((key) => key !== part),
          signal,
        ),
    });
    await prune(kept);
    expect((await verify(destination)).findings).toEqual([
      { code: 'extra', key: part, detail: 'The removal of its snapshot says that it was deleted.' },
    ]);
  });

  test('has no finding while a run removes the objects', async () => {
    const killed = wrap(destination, {
      delete: () => Promise.reject(new ResumableError('killed')),
    });
    await prune(killed);
    expect(await listKeys(destination, `locks/pool_id=${POOL}/`)).toHaveLength(2);
    expect((await verify(destination)).findings).toEqual([]);
  });

  test('has no finding if a run removes objects between its listing and its reading', async () => {
    let pruned: Promise<unknown> | null = null;
    const racing = wrap(destination, {
      async read(key, signal) {
        if (key.startsWith('jsonl/')) {
          pruned ??= prune(destination);
          await pruned;
        }
        return destination.read(key, signal);
      },
    });
    expect((await verify(racing)).findings).toEqual([]);
    expect(pruned).not.toBeNull();
  });
});
