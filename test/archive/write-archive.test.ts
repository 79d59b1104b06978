import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Destination } from '../../src/archive/destination.ts';
import { lockKey } from '../../src/archive/layout.ts';
import { describeFile, readWhole } from '../../src/archive/read-object.ts';
import type { SnapshotRows } from '../../src/archive/write-parts.ts';
import { LeaseLostError, ResumableError } from '../../src/model/errors.ts';
import { temporaryFolder } from '../support/temp.ts';
import { BACKENDS, type Backend, openFolder, wrap } from './destinations.ts';
import {
  contentOf,
  EMPTY,
  MANIFEST,
  NEVER,
  PARTITION,
  POOL,
  pool,
  readManifest,
  requestFor,
  rowsOf,
  setting,
} from './support.ts';
import { useWorkFolder } from './work-folder.ts';

const work = useWorkFolder();
const { archive } = work;

describe.each(BACKENDS)('an archive in $name', ({ open }) => {
  let backend: Backend;
  let destination: Destination;
  beforeEach(async () => {
    backend = await open();
    destination = backend.destination;
  });
  afterEach(() => backend.close());

  test('has its parts in the documented layout and a manifest that names them all', async () => {
    const datasets = pool(25);
    const result = await archive(destination, datasets, { partRows: 10 });
    const content = await contentOf(destination);
    const parts = [...content.keys()].filter((key) => key !== MANIFEST);
    const names = ['groups/0', 'memberships/0', 'memberships/1', 'memberships/2'];
    names.push('users/0', 'users/1', 'users/2');
    const keys = (format: string, extension: string) =>
      names.map((name) => {
        const [dataset, part] = name.split('/');
        return `${format}/${dataset}/${PARTITION}/part-0000${part}.${extension}`;
      });
    expect(parts).toEqual([...keys('jsonl', 'jsonl.gz'), ...keys('parquet', 'parquet')]);
    const sizeOf = (some: readonly string[]) =>
      some.reduce((sum, key) => sum + (content.get(key)?.length ?? 0), 0);
    const manifest = await readManifest(destination, requestFor(datasets));
    expect(Object.keys(manifest)).toEqual([
      'version',
      'program',
      'poolId',
      'snapshot',
      'snapshotAt',
      'walkedAt',
      'publishedAt',
      'counts',
      'objects',
      'previous',
    ]);
    expect(manifest).toEqual({
      version: 2,
      program: 'cognito-mirror/0.0.0',
      poolId: POOL,
      snapshot: '20261120T020000Z',
      snapshotAt: '2026-11-20T02:00:00.000Z',
      walkedAt: '2026-11-20T02:10:00.123Z',
      publishedAt: '2026-11-20T02:10:05.000Z',
      counts: { users: 25, groups: 1, memberships: 25 },
      objects: parts.map((key) => {
        const [format = '', dataset = ''] = key.split('/');
        const bytes = content.get(key) ?? Buffer.alloc(0);
        const rows = dataset === 'groups' ? 1 : /part-0000[01]/.test(key) ? 10 : 5;
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        return { key, format, dataset, rows, bytes: bytes.length, sha256 };
      }),
      previous: null,
    });
    expect(result).toEqual({
      manifest: MANIFEST,
      needsLocks: false,
      versions: new Map(),
      snapshots: 1,
      manifestSha256: createHash('sha256')
        .update(content.get(MANIFEST) ?? '')
        .digest('hex'),
      objects: 14,
      bytes: sizeOf(parts),
      summary: {
        parts: ['jsonl', 'parquet'].flatMap((format) =>
          [
            ['users', 3, 25] as const,
            ['groups', 1, 1] as const,
            ['memberships', 3, 25] as const,
          ].map(([dataset, count, rows]) => {
            const own = parts.filter((key) => key.startsWith(`${format}/${dataset}/`));
            return { format, dataset, parts: count, rows, bytes: sizeOf(own) };
          }),
        ),
        signedBy: null,
        lock: null,
      },
    });
  });

  test('has the same bytes when it is written again, here or at another destination', async () => {
    const datasets = pool(25);
    const first = await archive(destination, datasets, { partRows: 10 });
    const content = await contentOf(destination);
    const again = await archive(destination, datasets, { partRows: 10 });
    expect(again).toEqual(first);
    expect(await contentOf(destination)).toEqual(content);

    const other = await openFolder();
    await archive(other.destination, datasets, { partRows: 10, rows: rowsOf(datasets, 77) });
    expect(await contentOf(other.destination)).toEqual(content);
    await other.close();
  });

  test('of an empty pool has one empty part for each dataset', async () => {
    const result = await archive(destination, EMPTY);
    expect(result.objects).toBe(6);
    const manifest = await readManifest(destination, requestFor(EMPTY));
    expect(manifest.objects.map(({ rows }: { rows: number }) => rows)).toEqual([0, 0, 0, 0, 0, 0]);
    const content = await contentOf(destination);
    const empty = content.get(`jsonl/users/${PARTITION}/part-00000.jsonl.gz`);
    expect(gunzipSync(empty ?? '').length).toBe(0);
  });

  test('has no empty part after full ones', async () => {
    const result = await archive(destination, pool(20), { partRows: 10, formats: ['jsonl'] });
    expect(result.objects).toBe(2 + 1 + 2);
  });

  test.each(['parquet', 'jsonl', 'csv'] as const)(
    'in %s only has no objects of the other format',
    async (format) => {
      await archive(destination, pool(3), { formats: [format] });
      const keys = [...(await contentOf(destination)).keys()];
      expect(keys.filter((key) => !key.startsWith(`${format}/`))).toEqual([MANIFEST]);
      expect(keys).toHaveLength(4);
    },
  );

  test('is sealed last, after the deletion of unnamed objects', async () => {
    const unnamed = [
      `parquet/users/${PARTITION}/part-00007.parquet`,
      `jsonl/groups/${PARTITION}/part-00001.jsonl.gz`,
      `jsonl/groups/${PARTITION}/sub/folder`,
    ];
    const others = [
      `parquet/users/pool_id=${POOL}/snapshot=20261119T020000Z/part-00000.parquet`,
      `parquet/users/pool_id=${POOL}5/snapshot=20261120T020000Z/part-00000.parquet`,
    ];
    const old = await temporaryFolder();
    await writeFile(`${old.path}/file`, 'old');
    const file = await describeFile(`${old.path}/file`);
    for (const key of [...unnamed, ...others]) await destination.put(key, file, NEVER);
    await old.remove();

    let sealedAt: string[] = [];
    const assertStillOwner = async () => {
      sealedAt = [...(await contentOf(destination)).keys()];
    };
    await archive(destination, pool(3), { formats: ['parquet'], assertStillOwner });
    const named = ['groups', 'memberships', 'users'].map(
      (dataset) => `parquet/${dataset}/${PARTITION}/part-00000.parquet`,
    );
    expect(new Set(sealedAt)).toEqual(new Set([...named, ...others]));
    expect(new Set((await contentOf(destination)).keys())).toEqual(
      new Set([...named, ...others, MANIFEST]),
    );
  });

  test('is not sealed or cleared after the runner lost the snapshot', async () => {
    await archive(destination, pool(3), { request: { poolId: `${POOL}5` } });
    const assertStillOwner = async () => {
      throw new LeaseLostError('another runner has it');
    };
    await expect(
      archive(destination, pool(15), { partRows: 10, assertStillOwner }),
    ).rejects.toThrow(LeaseLostError);
    const before = await contentOf(destination);
    expect(before.has(MANIFEST)).toBe(false);
    await expect(
      archive(destination, pool(3), { formats: ['jsonl'], assertStillOwner }),
    ).rejects.toThrow(LeaseLostError);
    expect([...(await contentOf(destination)).keys()]).toEqual([...before.keys()]);
  });

  test.each([
    ['unlocked after its rows drifted', new ResumableError('the rows drifted'), 0],
    ['left locked after another runner took it', new LeaseLostError('it has another runner'), 1],
    ['left locked if its owner is unknown', new Error('Postgres is down'), 1],
  ])('is %s', async (_, error, locks) => {
    const assertStillOwner = () => Promise.reject(error);
    await expect(archive(destination, pool(3), { assertStillOwner })).rejects.toThrow(error);
    const lock = lockKey(POOL, '20261120T020000Z');
    const found = await readWhole(destination, lock, NEVER);
    expect(found === null ? 0 : 1).toBe(locks);
  });

  test.each([
    ['lost', null],
    ['cut', 1],
  ])('is not sealed if the destination has %s an object', async (_, bytes) => {
    const part = `parquet/users/${PARTITION}/part-00000.parquet`;
    const forgetful = wrap(destination, {
      async *list(prefix, signal) {
        for await (const object of destination.list(prefix, signal)) {
          if (object.key !== part) yield object;
          else if (bytes !== null) yield { ...object, bytes };
        }
      },
    });
    await expect(archive(forgetful, pool(3))).rejects.toThrow(`does not list ${part}`);
    expect((await contentOf(destination)).has(MANIFEST)).toBe(false);
  });

  test.each([
    ['users', 4],
    ['groups', 0],
    ['memberships', 2],
    ['settings', 2],
  ] as const)(
    'is not sealed if the number of %s differs from the published one',
    async (dataset, count) => {
      const datasets = { ...pool(3), settings: [1, 2, 3].map((n) => setting(`client/${n}`, {})) };
      const counts = { ...requestFor(datasets).counts, [dataset]: count };
      const written = archive(destination, datasets, { request: { counts } });
      await expect(written).rejects.toThrow(
        `was published with ${count} ${dataset}, but Postgres returned ${dataset === 'groups' ? 1 : 3}`,
      );
      expect((await contentOf(destination)).has(MANIFEST)).toBe(false);
    },
  );

  test('is not sealed if reading its rows fails or stops', async () => {
    const failing: SnapshotRows = {
      ...rowsOf(pool(3)),
      open: async () =>
        Readable.from(
          (function* () {
            yield Buffer.from('{');
            throw new Error('the server went away');
          })(),
        ),
    };
    await expect(archive(destination, pool(3), { rows: failing })).rejects.toThrow(
      'the server went away',
    );
    const cut: SnapshotRows = {
      ...rowsOf(pool(3)),
      open: async () => Readable.from([Buffer.from('{"username":')]),
    };
    await expect(archive(destination, pool(3), { rows: cut })).rejects.toThrow('middle of a row');
    expect(await contentOf(destination)).toEqual(new Map());
  });

  test('stops at an abort in any step with the given reason', async () => {
    const datasets = pool(30);
    for (const after of [1, 2, 5, 9]) {
      const abort = new AbortController();
      let stored = 0;
      const onRows = () => {
        stored += 1;
        if (stored === after) abort.abort(new Error('stopped by a person'));
      };
      const options = { partRows: 10, onRows, signal: abort.signal };
      await expect(archive(destination, datasets, options)).rejects.toThrow('stopped by a person');
      expect(stored).toBe(after);
    }
    for (const rows of [0, 5, 10]) {
      const abort = new AbortController();
      const lines = datasets.users.slice(0, rows).map((row) => `${JSON.stringify(row)}\n`);
      const stalled: SnapshotRows = {
        ...rowsOf(pool(3)),
        async open() {
          setTimeout(() => abort.abort(new Error('stopped by a person')), 300);
          return new Readable({
            read() {
              if (lines.length > 0) this.push(lines.splice(0).join(''));
            },
          });
        },
      };
      await expect(
        archive(destination, datasets, { partRows: 10, rows: stalled, signal: abort.signal }),
      ).rejects.toThrow('stopped by a person');
    }
    expect((await contentOf(destination)).has(MANIFEST)).toBe(false);

    await archive(destination, datasets, { partRows: 10 });
    expect((await contentOf(destination)).has(MANIFEST)).toBe(true);
  });

  test('reports the rows of every stored object', async () => {
    const reported: number[] = [];
    await archive(destination, pool(15), { partRows: 10, onRows: (rows) => reported.push(rows) });
    expect(reported.reduce((sum, rows) => sum + rows, 0)).toBe(2 * (15 + 1 + 15));
  });
});
