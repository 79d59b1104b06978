import { createHash } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Destination } from '../../src/archive/destination.ts';
import type { ManifestObject } from '../../src/archive/manifest.ts';
import { describeFile, readWhole } from '../../src/archive/read-object.ts';
import {
  type ArchiveRequest,
  type ArchiveResult,
  writeArchive,
} from '../../src/archive/write-archive.ts';
import { ActionRequiredError, LeaseLostError, ResumableError } from '../../src/model/errors.ts';
import { temporaryFolder } from '../support/temp.ts';
import { BACKENDS, type Backend, openBucket, openFolder, wrap } from './destinations.ts';
import {
  catchRefusal,
  contentOf,
  MANIFEST,
  NEVER,
  optionsWith,
  POOL,
  pool,
  requestFor,
  rowsOf,
} from './support.ts';

const LOCK = `locks/pool_id=${POOL}/20261120T020000Z.json`;
const PUBLISHED = {
  'database-a': new Date('2026-11-20T02:10:05.000Z'),
  'database-b': new Date('2026-11-20T02:10:06.000Z'),
} as const;
type Owner = keyof typeof PUBLISHED;

/** Archives the same snapshot from one of the databases. */
function archive(
  destination: Destination,
  owner: Owner,
  users: number,
  options: Parameters<typeof optionsWith>[0] & { request?: Partial<ArchiveRequest> } = {},
): Promise<ArchiveResult> {
  const { request = {}, ...more } = options;
  const datasets = pool(users);
  return writeArchive(
    destination,
    requestFor(datasets, { publishedAt: PUBLISHED[owner], ...request }),
    rowsOf(datasets),
    optionsWith({ formats: ['jsonl'], partRows: 4, owner, ...more }),
  );
}

/** Expects the manifest to name exactly the stored objects. */
async function expectSealed(destination: Destination, sha256: string): Promise<void> {
  const content = await contentOf(destination);
  const manifest = content.get(MANIFEST) ?? Buffer.alloc(0);
  expect(createHash('sha256').update(manifest).digest('hex')).toBe(sha256);
  const { objects } = JSON.parse(manifest.toString()) as { objects: ManifestObject[] };
  for (const object of objects) {
    const bytes = content.get(object.key) ?? Buffer.alloc(0);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(object.sha256);
  }
  expect(content.size).toBe(objects.length + 1);
}

/** A gate that holds a writer until it opens. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

describe.each(BACKENDS)('two mirrors that archive one snapshot in $name', ({ open }) => {
  let backend: Backend;
  let destination: Destination;
  beforeEach(async () => {
    backend = await open();
    destination = backend.destination;
  });
  afterEach(() => backend.close());

  test('at once: one seals it, the other fails with the reason and changes nothing', async () => {
    for (let round = 0; round < 10; round += 1) {
      const snapshotAt = new Date(Date.UTC(2026, 10, 20, 2, 0, round));
      const more = { request: { snapshotAt } };
      const outcomes = await Promise.allSettled([
        archive(destination, 'database-a', 9, more),
        archive(destination, 'database-b', 17, more),
      ]);
      const sealed = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      const failed = outcomes.flatMap((each): unknown[] =>
        each.status === 'rejected' ? [each.reason] : [],
      );
      expect(sealed).toHaveLength(1);
      expect(failed[0]).toBeInstanceOf(ActionRequiredError);
      expect(String(failed[0])).toMatch(
        /: another mirror with another database is writing the archive of |\. Another mirror with another database sealed it\. /,
      );
      const content = await contentOf(destination);
      const [{ manifest, manifestSha256 }] = sealed as [ArchiveResult];
      const bytes = content.get(manifest) ?? Buffer.alloc(0);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(manifestSha256);
      for (const object of JSON.parse(bytes.toString()).objects as ManifestObject[]) {
        const part = content.get(object.key) ?? Buffer.alloc(0);
        expect(createHash('sha256').update(part).digest('hex')).toBe(object.sha256);
      }
    }
  });

  test.each([0, 2, 5])(
    'the later one writes nothing when the first has stored %d objects',
    async (after) => {
      const [reached, resume] = [gate(), gate()];
      let left = after;
      const paused = wrap(destination, {
        async put(key, file, signal) {
          if (left-- === 0) {
            reached.open();
            await resume.opened;
          }
          return destination.put(key, file, signal);
        },
      });
      const first = archive(paused, 'database-a', 9);
      await reached.opened;
      const before = await contentOf(destination);
      const { message } = await catchRefusal(archive(destination, 'database-b', 30));
      expect(message).toBe(
        `ARCHIVE_URL: another mirror with another database is writing the archive of ${POOL}/20261120T020000Z there. It holds the lock ${LOCK}. Give each database its own ARCHIVE_URL. If that mirror no longer runs, delete the lock.`,
      );
      expect(await contentOf(destination)).toEqual(before);
      resume.open();
      await expectSealed(destination, (await first).manifestSha256);
    },
  );

  test('the later one reports that it is sealed and deletes nothing', async () => {
    const { manifestSha256 } = await archive(destination, 'database-a', 9);
    const { message } = await catchRefusal(archive(destination, 'database-b', 9));
    expect(message).toContain('Another mirror with another database sealed it.');
    expect(message).toContain('Give each database its own ARCHIVE_URL.');
    await expectSealed(destination, manifestSha256);
  });

  test('a manifest that appears despite the lock is not overwritten', async () => {
    const other = await temporaryFolder();
    await writeFile(join(other.path, 'manifest'), '{"of":"another"}\n');
    const file = await describeFile(join(other.path, 'manifest'));
    const racing = wrap(destination, {
      async create(key, own, signal) {
        if (key === MANIFEST) await destination.create(key, file, signal);
        return destination.create(key, own, signal);
      },
    });
    await catchRefusal(archive(racing, 'database-a', 9));
    expect((await contentOf(destination)).get(MANIFEST)?.toString()).toBe('{"of":"another"}\n');
    await other.remove();
  });

  test('only the same database takes the lock of a killed run', async () => {
    const killed = wrap(destination, {
      hide: () => Promise.resolve(false),
      put: () => Promise.reject(new ResumableError('killed')),
    });
    await expect(archive(killed, 'database-a', 9)).rejects.toThrow('killed');
    await catchRefusal(archive(destination, 'database-b', 9));
    const { manifestSha256 } = await archive(destination, 'database-a', 9);
    await expectSealed(destination, manifestSha256);
    expect(await destination.read(LOCK, NEVER)).toBeNull();
  });

  test('a failed run unlocks, but a run that lost the snapshot leaves the lock to the new owner', async () => {
    const broken = wrap(destination, { put: () => Promise.reject(new ResumableError('full')) });
    await expect(archive(broken, 'database-a', 9)).rejects.toThrow('full');
    expect(await destination.read(LOCK, NEVER)).toBeNull();
    const assertStillOwner = () => Promise.reject(new LeaseLostError('another runner has it'));
    await expect(archive(destination, 'database-a', 9, { assertStillOwner })).rejects.toThrow(
      LeaseLostError,
    );
    const lock = await destination.read(LOCK, NEVER);
    expect(lock).not.toBeNull();
    lock?.destroy();
    const { manifestSha256 } = await archive(destination, 'database-a', 9);
    await expectSealed(destination, manifestSha256);
  });

  test.each([
    ['removed', 'was removed while the archive was written'],
    ['taken by another', 'another mirror with another database is writing the archive of'],
  ])('nothing is sealed if the lock was %s', async (what, message) => {
    const assertStillOwner = async () => {
      await destination.delete([LOCK], NEVER);
      if (what === 'removed') return;
      const other = await temporaryFolder();
      await writeFile(join(other.path, 'lock'), '{"installation":"database-b"}\n');
      await destination.create(LOCK, await describeFile(join(other.path, 'lock')), NEVER);
      await other.remove();
    };
    await expect(archive(destination, 'database-a', 9, { assertStillOwner })).rejects.toThrow(
      message,
    );
    expect((await contentOf(destination)).has(MANIFEST)).toBe(false);
    const left = (await readWhole(destination, LOCK, NEVER))?.toString();
    expect(left).toBe(what === 'removed' ? undefined : '{"installation":"database-b"}\n');
  });

  test('a run that lost its job leaves the lock to the next run of its database', async () => {
    const stop = new AbortController();
    const stopped = wrap(destination, {
      put: async () => {
        stop.abort(new Error('the job lock is lost'));
        throw stop.signal.reason;
      },
    });
    const run = archive(stopped, 'database-a', 9, { signal: stop.signal });
    await expect(run).rejects.toThrow('the job lock is lost');
    expect(await readWhole(destination, LOCK, NEVER)).not.toBeNull();
    const { manifestSha256 } = await archive(destination, 'database-a', 9);
    await expectSealed(destination, manifestSha256);
    expect(await readWhole(destination, LOCK, NEVER)).toBeNull();
  });
});

test('an empty lock or manifest, left by a killed run without hard links, is ignored', async () => {
  const { destination, folder, close } = await openFolder();
  for (const key of [LOCK, MANIFEST]) {
    await mkdir(dirname(join(folder, key)), { recursive: true });
    await writeFile(join(folder, key), '');
  }
  const { manifestSha256 } = await archive(destination, 'database-a', 9);
  await expectSealed(destination, manifestSha256);
  expect(await readWhole(destination, LOCK, NEVER)).toBeNull();
  await close();
});

test('a run with fewer formats deletes no part of a sealed archive', async () => {
  const { destination, close } = await openFolder();
  const both = { formats: ['parquet', 'jsonl'] as const, program: 'cognito-mirror/0.0.0' };
  const { manifestSha256 } = await archive(destination, 'database-a', 9, both);
  const broken = wrap(destination, {
    // A part that cannot be read prevents the reuse of the archive.
    read: async (key, signal) =>
      key.startsWith('parquet/') ? null : destination.read(key, signal),
  });
  await catchRefusal(archive(broken, 'database-a', 9));
  await expectSealed(destination, manifestSha256);
  await close();
});

test('among many writers of one key in a folder exactly one succeeds, without partial files', async () => {
  const { destination, folder, close } = await openFolder();
  const local = await temporaryFolder();
  const files = await Promise.all(
    Array.from({ length: 12 }, async (_, index) => {
      const path = join(local.path, String(index));
      await writeFile(path, `${index}`.repeat(10_000));
      return describeFile(path);
    }),
  );
  for (const name of ['a', 'b', 'c']) {
    const made = await Promise.all(
      files.map((file) => destination.create(`of/${name}`, file, NEVER)),
    );
    expect(made.filter(Boolean)).toHaveLength(1);
    const winner = files[made.indexOf(true)];
    expect((await describeFile(join(folder, 'of', name))).sha256).toBe(winner?.sha256);
  }
  expect((await readdir(join(folder, 'of'))).sort()).toEqual(['a', 'b', 'c']);
  await local.remove();
  await close();
});

test('a create whose response was lost finds its own object, and a conflict is retried', async () => {
  const { destination, server, close } = await openBucket();
  let puts = 0;
  server.after = ({ operation, key }) =>
    operation === 'PutObject' && key.includes('manifests') && ++puts === 1 ? 'cut' : null;
  const { manifestSha256 } = await archive(destination, 'database-a', 9);
  expect(puts).toBe(1);
  await expectSealed(destination, manifestSha256);
  let conflicts = 2;
  server.fault = ({ operation }) =>
    operation === 'PutObject' && conflicts-- > 0 ? 'ConditionalRequestConflict' : null;
  await archive(destination, 'database-a', 9, {
    request: { snapshotAt: new Date('2026-11-21T02:00:00.000Z') },
  });
  expect(conflicts).toBeLessThan(0);
  await close();
});
