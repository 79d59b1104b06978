import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from 'vitest';
import { openFolder, wrap } from './destinations.ts';
import { MANIFEST, OFFLINE, PARTITION, POOL, pool, readJsonLines, readParquet } from './support.ts';
import { useWorkFolder } from './work-folder.ts';

const work = useWorkFolder();
const { archive } = work;

describe('an archive in a folder', () => {
  test('is one table for a reader of Hive partitions, with the same rows in both formats', async () => {
    const { destination, folder, close } = await openFolder();
    const datasets = pool(25);
    const first = await archive(destination, datasets, { partRows: 10 });
    const previous = { snapshot: '20261120T020000Z', sha256: first.manifestSha256 };
    const snapshotAt = new Date('2026-11-21T02:00:00.000Z');
    const second = { request: { snapshotAt, previous }, partRows: 10 };
    await archive(destination, pool(5), second);

    const instance = await DuckDBInstance.create(':memory:', OFFLINE);
    const connection = await instance.connect();
    const reader = await connection.runAndReadAll(`
      SELECT pool_id, snapshot, count(*)::INTEGER, min(username), epoch_ms(max(created_at))::VARCHAR
      FROM read_parquet('${folder}/parquet/users/**/*.parquet', hive_partitioning = true)
      GROUP BY ALL ORDER BY snapshot`);
    expect(reader.getRows()).toEqual([
      [POOL, '20261120T020000Z', 25, 'user-000000', String(Date.parse('2026-01-02T03:04:05.678Z'))],
      [POOL, '20261121T020000Z', 5, 'user-000000', String(Date.parse('2026-01-02T03:04:05.678Z'))],
    ]);
    connection.closeSync();
    instance.closeSync();

    for (const part of [0, 1, 2]) {
      const rows = datasets.users.slice(part * 10, part * 10 + 10);
      const name = `${PARTITION}/part-0000${part}`;
      expect(readJsonLines(`${folder}/jsonl/users/${name}.jsonl.gz`)).toEqual(rows);
      const parquet = await readParquet(`${folder}/parquet/users/${name}.parquet`);
      expect(parquet.map(({ username }) => username)).toEqual(
        rows.map((row) => (row as { username: string }).username),
      );
      expect(Object.keys(parquet[0] ?? {})).toEqual(Object.keys(rows[0] ?? {}));
    }
    await close();
  });

  test.each([
    { formats: ['parquet', 'jsonl'] },
    { formats: ['parquet'] },
    { formats: ['jsonl'] },
  ] as const)(
    'of $formats keeps at most four parts in a private local folder',
    async ({ formats }) => {
      const { destination, close } = await openFolder();
      const parts = new Set<number>();
      const look = async () => {
        const [folder = ''] = await readdir(work.path);
        const path = `${work.path}/${folder}`;
        expect((await stat(path)).mode & 0o777).toBe(0o700);
        const names = (await readdir(path)).filter((name) =>
          /^(users|groups|memberships)-/.test(name),
        );
        parts.add(new Set(names.map((name) => name.split('.')[0])).size);
      };
      const watching = wrap(destination, {
        async put(key, file, signal) {
          await look();
          return destination.put(key, file, signal);
        },
        async create(key, file, signal) {
          await look();
          return destination.create(key, file, signal);
        },
      });
      await archive(watching, pool(45), { partRows: 10, formats });
      // The current part and the next three; no part is left when the manifest is created.
      expect(Math.min(...parts)).toBe(0);
      expect(Math.max(...parts)).toBeLessThanOrEqual(4);
      await close();
    },
  );

  test('is private and clears the leftovers of a killed run', async () => {
    const { destination, folder, close } = await openFolder();
    const part = `${folder}/parquet/users/${PARTITION}`;
    await mkdir(part, { recursive: true });
    await mkdir(`${folder}/manifests/pool_id=${POOL}`, { recursive: true });
    await writeFile(`${part}/.part-00003.parquet.0a1b2c3d.partial`, 'half');
    const manifests = `${folder}/manifests/pool_id=${POOL}`;
    const old = `${manifests}/.20261119T020000Z.json.0a1b2c3d.partial`;
    const fresh = `${manifests}/.20261119T020000Z.json.4e5f6a7b.partial`;
    for (const path of [old, fresh]) await writeFile(path, 'half');
    const hoursAgo = new Date(Date.now() - 2 * 60 * 60_000);
    await utimes(old, hoursAgo, hoursAgo);
    await archive(destination, pool(3));
    expect(await readdir(part)).toEqual(['part-00000.parquet']);
    // Another mirror may be writing the fresh one.
    expect((await readdir(manifests)).sort()).toEqual([basename(fresh), '20261120T020000Z.json']);
    expect((await stat(`${folder}/${MANIFEST}`)).mode & 0o777).toBe(0o600);
    const groups = `${folder}/parquet/groups`;
    expect((await stat(groups)).mode & 0o777).toBe(0o700);
    await close();
  });
});
