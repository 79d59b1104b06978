import { cpSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
} from 'vitest';
import { parseRemoval } from '../../src/archive/amendments.ts';
import { type Destination, describeFile, readWhole } from '../../src/archive/destination.ts';
import { lockKey, manifestKey, removalKey, signatureKey } from '../../src/archive/layout.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { writeArchive } from '../../src/archive/write-archive.ts';
import { ActionRequiredError, ResumableError } from '../../src/model/errors.ts';
import type { ArchiveLock } from '../../src/model/object-lock.ts';
import { type PruneOptions, pruneArchive } from '../../src/retention/prune-archive.ts';
import { loadKeyFile } from '../../src/signature/key-file.ts';
import type { Signer } from '../../src/signature/signer.ts';
import { verifyPool } from '../../src/verify/verify-pool.ts';
import { BACKENDS, type Backend, openFolder, useS3, wrap } from '../archive/destinations.ts';
import {
  catchError,
  catchRefusal,
  NEVER,
  optionsWith,
  POOL,
  pool,
  requestFor,
  rowsOf,
} from '../archive/support.ts';
import { makeKeyFile } from '../signature/support.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import type { S3Bucket, S3Version } from '../support/s3-store.ts';
import { temporaryFolder } from '../support/temp.ts';

const SNAPSHOTS = [18, 19, 20, 21].map((day) => `202611${day}T020000Z`);
const [FIRST = '', SECOND = '', THIRD = '', LAST = ''] = SNAPSHOTS;
const DATASETS = pool(3);
/** Keeps the last two. */
const RULE = { daily: 2 };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let signer: Signer;
beforeAll(async () => {
  folder = await temporaryFolder();
  signer = await loadKeyFile(makeKeyFile(folder.path).path);
});
afterAll(() => folder.remove());

/** Seals the four snapshots of a pool. */
async function seal(
  destination: Destination,
  by: Signer | null,
  poolId = POOL,
  snapshots = SNAPSHOTS,
  lock: ArchiveLock | null = null,
): Promise<void> {
  for (const snapshot of snapshots) {
    const day = Number(snapshot.slice(6, 8));
    const snapshotAt = new Date(Date.UTC(2026, 10, day, 2));
    const request = requestFor(DATASETS, { poolId, snapshotAt });
    const options = optionsWith({ formats: ['jsonl'], partRows: 2, signer: by, lock });
    await writeArchive(destination, request, rowsOf(DATASETS), options);
  }
}

function prune(destination: Destination, options: Partial<PruneOptions> = {}, poolId = POOL) {
  return pruneArchive(destination, poolId, {
    rule: RULE,
    dryRun: false,
    owner: 'a-database',
    signer: null,
    lock: null,
    program: 'cognito-mirror/0.0.0',
    workFolder: join(folder.path, 'work'),
    signal: NEVER,
    ...options,
  });
}

async function verify(destination: Destination, poolId = POOL) {
  const { findings, ...rest } = await verifyPool(destination, poolId, {
    from: null,
    to: null,
    content: 'all',
    signers: null,
    head: null,
    parquet: null,
    signal: NEVER,
  });
  return { ...rest, findings: findings.map(({ code, key, detail }) => ({ code, key, detail })) };
}

async function listKeys(destination: Destination, prefix = ''): Promise<string[]> {
  const keys: string[] = [];
  for (const root of prefix === '' ? ['jsonl/', 'manifests/', 'locks/'] : [prefix]) {
    for await (const { key } of destination.list(root, NEVER)) keys.push(key);
  }
  return keys.sort();
}

const partsOf = (keys: readonly string[], snapshot: string) =>
  keys.filter((key) => key.startsWith('jsonl/') && key.includes(`snapshot=${snapshot}/`));

const outcomes = ({ snapshots }: Awaited<ReturnType<typeof prune>>) =>
  snapshots.map(({ snapshot, outcome }) => [snapshot, outcome]);

const ALL_REMOVED = [
  [FIRST, 'removed'],
  [SECOND, 'removed'],
  [THIRD, 'kept'],
  [LAST, 'kept'],
];

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

/** Fails every call that writes or deletes from one of them on, as if the process was killed there. */
function killAt(
  destination: Destination,
  moment: number,
): { killed: Destination; writes: () => number } {
  let writes = 0;
  const count = <T>(run: () => Promise<T>): Promise<T> => {
    writes += 1;
    return writes > moment ? Promise.reject(new ResumableError('killed')) : run();
  };
  const killed = wrap(destination, {
    create: (...args) => count(() => destination.create(...args)),
    // Killed between two objects.
    delete: async (keys, signal) => {
      for (const key of keys) await count(() => destination.delete([key], signal));
      return [];
    },
  });
  return { killed, writes: () => writes };
}

async function read(destination: Destination, key: string): Promise<Buffer> {
  return (await readWhole(destination, key, NEVER)) ?? Buffer.of();
}

describe.each([
  ['signed', (): Signer | null => signer],
  ['unsigned', (): Signer | null => null],
] as const)('in a %s archive', (_, by) => {
  test('the next run completes what a run began, whenever that was killed', async () => {
    const sealed = await openFolder();
    onTestFinished(sealed.close);
    await seal(sealed.destination, by());
    const before = await listKeys(sealed.destination);
    const copy = async () => {
      const other = await openFolder();
      onTestFinished(other.close);
      cpSync(sealed.folder, other.folder, { recursive: true });
      return other.destination;
    };
    const { killed, writes } = killAt(await copy(), Number.POSITIVE_INFINITY);
    await prune(killed, { signer: by() });
    expect(writes()).toBeGreaterThan(10);
    for (let moment = 0; moment < writes(); moment += 1) {
      const destination = await copy();
      await prune(killAt(destination, moment).killed, { signer: by() });
      // What is gone is explained at any time.
      const codes = (await verify(destination)).findings.map(({ code }) => code);
      expect(codes).not.toContain('missing');
      const pruning = await prune(destination, { signer: by() });
      expect(pruning.snapshots.every(({ outcome }) => outcome !== 'failed')).toBe(true);
      const after = await listKeys(destination);
      expect(partsOf(after, FIRST)).toEqual([]);
      expect(partsOf(after, SECOND)).toEqual([]);
      expect(partsOf(after, LAST)).toEqual(partsOf(before, LAST));
      expect(after.filter((key) => key.startsWith('locks/'))).toEqual([]);
      expect((await verify(destination)).findings).toEqual([]);
      const again = await prune(destination, { signer: by() });
      expect(again.removedBefore).toEqual([FIRST, SECOND]);
    }
  });
});

describe('in a bucket with versions and Object Lock', () => {
  let server: S3Server;
  let destination: Destination;
  beforeEach(async () => {
    server = await startS3Server({ versions: 'object lock', pageSize: 2 });
    onTestFinished(() => server.close());
    useS3(server);
    destination = await openDestination('s3://archive/of/pools');
    await destination.check(NEVER);
    await seal(destination, signer);
  });

  const bucket = () => server.buckets.get('archive') as S3Bucket;
  /** The keys of the versions and delete markers of a snapshot's parts. */
  const versionsOf = (snapshot: string) =>
    bucket().versions.filter(({ key }) => key.includes(`/snapshot=${snapshot}/`));

  test('every version of every object goes, and of the locks too', async () => {
    const [part = ''] = partsOf(await listKeys(destination), FIRST);
    const bytes = await read(destination, part);
    const file = join(folder.path, 'again');
    await writeFile(file, bytes);
    await destination.put(part, await describeFile(file), NEVER);
    bucket().hide(`of/pools/${partsOf(await listKeys(destination), SECOND)[0]}`);
    expect(outcomes(await prune(destination, { signer }))).toEqual(ALL_REMOVED);
    expect([...versionsOf(FIRST), ...versionsOf(SECOND)]).toEqual([]);
    expect(bucket().versions.filter(({ key }) => key.includes('/locks/'))).toEqual([]);
    expect(versionsOf(THIRD)).not.toEqual([]);
    expect((await verify(destination)).findings).toEqual([]);
  });

  test('a snapshot with a locked object is left whole, and reported with the last date', async () => {
    const inADay = new Date(Date.now() + 86_400_000);
    const inAYear = new Date(Date.now() + 365 * 86_400_000);
    const [one, another] = versionsOf(FIRST) as [S3Version, S3Version];
    one.retention = { mode: 'COMPLIANCE', until: inADay };
    another.retention = { mode: 'GOVERNANCE', until: inAYear };
    const before = bucket().versions.filter(({ key }) => key.includes(FIRST));
    for (const dryRun of [true, false]) {
      const { snapshots } = await prune(destination, { signer, dryRun });
      expect(snapshots[0]).toMatchObject({ outcome: 'locked', lockedUntil: inAYear });
      expect(snapshots[1]).toMatchObject({ outcome: 'removed', lockedUntil: null });
    }
    expect(bucket().versions.filter(({ key }) => key.includes(FIRST))).toEqual(before);
    expect((await verify(destination)).findings).toEqual([]);
    for (const each of [one, another]) each.retention = null;
    const { snapshots } = await prune(destination, { signer });
    expect(snapshots[0]).toMatchObject({ snapshot: FIRST, outcome: 'removed' });
  });

  test('so is one whose manifest promises locks, before they are made', async () => {
    const lock = { mode: 'compliance', days: 1, manifestDays: 2 } as const;
    const snapshots = ['20261122T020000Z', '20261123T020000Z', '20261124T020000Z'];
    const before = Date.now();
    await seal(destination, signer, POOL, snapshots, lock);
    const pruning = await prune(destination, { signer });
    const first = pruning.snapshots.find(({ snapshot }) => snapshot === snapshots[0]);
    expect(first).toMatchObject({ outcome: 'locked', problem: null });
    expect(first?.lockedUntil?.getTime()).toBeGreaterThan(before);
    expect(versionsOf(snapshots[0] ?? '')).not.toEqual([]);
  });

  test('a removal and its signature are locked like manifests', async () => {
    const lock = { mode: 'governance', days: 1, manifestDays: 30 } as const;
    await prune(destination, { signer, lock });
    const removal = `of/pools/${removalKey(POOL, FIRST)}`;
    for (const key of [removal, signatureKey(removal)]) {
      const retention = bucket().version(key)?.retention;
      expect(retention?.mode).toBe('GOVERNANCE');
      expect(retention?.until.getTime()).toBeGreaterThan(Date.now() + 29 * 86_400_000);
    }
    expect((await verify(destination)).findings).toEqual([]);
  });

  test('so is one with an earlier version that is locked, or a legal hold', async () => {
    const [part = ''] = partsOf(await listKeys(destination), FIRST);
    const [earlier] = versionsOf(FIRST).filter(({ key }) => key.endsWith(part)) as [S3Version];
    const file = join(folder.path, 'again');
    await writeFile(file, await read(destination, part));
    await destination.put(part, await describeFile(file), NEVER);
    earlier.legalHold = true;
    const { snapshots } = await prune(destination, { signer });
    expect(snapshots[0]).toMatchObject({
      outcome: 'locked',
      lockedUntil: null,
      problem: 'A legal hold protects it until a person lifts the hold.',
    });
    expect(await read(destination, removalKey(POOL, FIRST))).toHaveLength(0);
  });

  test('what was locked after the check is completed once it may be', async () => {
    const until = new Date(Date.now() + 86_400_000);
    const [part] = versionsOf(FIRST) as [S3Version];
    const racing = wrap(destination, {
      delete(keys, signal) {
        part.retention = { mode: 'COMPLIANCE', until };
        return destination.delete(keys, signal);
      },
    });
    const [first] = (await prune(racing, { signer })).snapshots;
    expect(first).toMatchObject({ outcome: 'locked', lockedUntil: until });
    expect(versionsOf(FIRST)).toEqual([part]);
    const again = await prune(destination, { signer });
    expect(again.snapshots[0]).toMatchObject({ snapshot: FIRST, outcome: 'locked' });
    expect(again.removedBefore).toEqual([SECOND]);
    part.retention = null;
    expect((await prune(destination, { signer })).snapshots[0]).toMatchObject({
      snapshot: FIRST,
      outcome: 'removed',
    });
    expect(versionsOf(FIRST)).toEqual([]);
    expect((await verify(destination)).findings).toEqual([]);
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
