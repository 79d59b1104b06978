import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openLocks } from '../../src/postgres/coordination/locks.ts';
import { type CliMirror, filesBelow, openCliMirror } from '../support/cli-mirror.ts';

/** An archive of four signed snapshots. */
let mirror: CliMirror;
let snapshots: string[];
const KEY = { ARCHIVE_SIGNING_KEY: 'key' };
const KEEP = { ...KEY, ARCHIVE_KEEP: 'last=2' };

beforeAll(async () => {
  mirror = await openCliMirror({ users: 60, groups: 3 });
  await mirror.run(['keygen', '--out', 'key']);
  snapshots = [];
  for (let run = 0; run < 4; run += 1) {
    const { code, reports } = await mirror.sync([], KEY);
    expect(code).toBe(0);
    snapshots.push(reports[0]?.snapshot ?? '');
  }
});
afterAll(() => mirror.close());

/** The snapshots that have parts in the archive. */
const withParts = () =>
  readdirSync(join(mirror.archive, 'jsonl', 'users', `pool_id=${mirror.poolId}`))
    .map((name) => name.replace('snapshot=', ''))
    .sort();

describe('prune', () => {
  test('without ARCHIVE_KEEP is a usage error with an example', async () => {
    const { code, stdout, stderr } = await mirror.run(['prune'], KEY);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(
      'cognito-mirror: ARCHIVE_KEEP: is not set, so every snapshot is kept. Give a number for one or more of last, daily, weekly, monthly and yearly, such as daily=30,monthly=12,yearly=7.\n',
    );
  });

  test('refuses a signed archive if no key is configured', async () => {
    const { code, stderr } = await mirror.run(['prune'], { ARCHIVE_KEEP: 'last=2' });
    expect(code).toBe(2);
    expect(stderr).toContain('ARCHIVE_SIGNING_KEY: it is not set');
    expect(withParts()).toEqual(snapshots);
  });

  test('refuses an archive that is not the one of the database', async () => {
    const forge = (from: string, to: string) =>
      mirror.rows(
        `UPDATE directory.snapshots SET manifest_sha256 = ${to} || substr(manifest_sha256, 2)
         WHERE snapshot = $1 AND manifest_sha256 LIKE ${from} || '%'`,
        [snapshots[3]],
      );
    const [{ first } = { first: '' }] = await mirror.rows<{ first: string }>(
      'SELECT left(manifest_sha256, 1) AS first FROM directory.snapshots WHERE snapshot = $1',
      [snapshots[3]],
    );
    await forge(`'${first}'`, "'x'");
    const { code, stderr } = await mirror.run(['prune'], KEEP);
    await forge("'x'", `'${first}'`);
    expect(code).toBe(2);
    expect(stderr).toContain('in the database');
    expect(withParts()).toEqual(snapshots);
  });

  test('of a mirror that does not exist creates nothing', async () => {
    const elsewhere = { DATABASE_URL: undefined, MIRROR_HOME: join(mirror.folder, 'elsewhere') };
    const { code, stderr } = await mirror.run(['prune'], { ...KEEP, ...elsewhere });
    expect(code).toBe(2);
    expect(stderr).toContain('nothing is mirrored there yet');
    expect(readdirSync(mirror.folder)).not.toContain('elsewhere');
  });

  test('waits for no other run', async () => {
    const locks = await openLocks(mirror.databaseUrl, () => {});
    onTestFinished(() => locks.unlock());
    expect(await locks.lockPool(mirror.poolId)).toBe(true);
    const { code, stderr } = await mirror.run(['prune'], KEEP);
    expect(code).toBe(1);
    expect(stderr).toContain(`Another run is mirroring ${mirror.poolId}`);
    expect(withParts()).toEqual(snapshots);
    // It would change nothing.
    expect((await mirror.run(['prune', '--dry-run'], KEEP)).code).toBe(0);
  });

  test('with --dry-run shows what it would do, and changes nothing', async () => {
    const before = await filesBelow(mirror.archive);
    const { code, stdout, stderr } = await mirror.run(['prune', '--dry-run'], KEEP);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines[0]).toBe(`${mirror.poolId}: dry run, nothing is removed`);
    expect(lines).toContain('  keep       last=2');
    expect(lines).toContain('  kept       2 snapshots');
    expect(stdout).toMatch(/\n {2}to remove {2}2 snapshots, 14 objects, .* kB\n/);
    expect(lines.filter((line) => line.startsWith('2026') || /^\d{8}T/.test(line))).toEqual([
      expect.stringMatching(`^${snapshots[0]} \\| to remove \\| +\\| +6 \\| `),
      expect.stringMatching(`^${snapshots[1]} \\| to remove \\| +\\| +8 \\| `),
      expect.stringMatching(`^${snapshots[2]} \\| kept +\\| last `),
      expect.stringMatching(`^${snapshots[3]} \\| kept +\\| newest, last `),
    ]);
    expect(await filesBelow(mirror.archive)).toEqual(before);
  });

  test('removes what it showed; everything that reads the archive knows', async () => {
    const dry = await mirror.run(['prune', '--dry-run', '--json'], KEEP);
    const { code, stdout } = await mirror.run(['prune', '--json'], KEEP);
    expect(code).toBe(0);
    const [pool] = JSON.parse(stdout).pools;
    expect({ ...pool, dryRun: true }).toEqual(JSON.parse(dry.stdout).pools[0]);
    const kept = { outcome: 'kept', objects: null, bytes: null, lockedUntil: null, problem: null };
    const removed = { outcome: 'removed', keptBy: [], lockedUntil: null };
    expect(pool).toMatchObject({
      poolId: mirror.poolId,
      dryRun: false,
      keep: { last: 2 },
      removedBefore: 0,
      snapshots: [
        { snapshot: snapshots[0], objects: 6, ...removed },
        // With what changed since the first.
        { snapshot: snapshots[1], objects: 8, ...removed },
        { snapshot: snapshots[2], keptBy: ['last'], ...kept },
        { snapshot: snapshots[3], keptBy: ['newest', 'last'], ...kept },
      ],
    });
    expect(withParts()).toEqual(snapshots.slice(2));

    const { stdout: line } = await mirror.run(['keygen', '--public'], KEY);
    writeFileSync(join(mirror.folder, 'signers'), line);
    const verified = await mirror.run(['verify', '--signers', 'signers']);
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    expect(verified.stdout).toContain(`${mirror.poolId}: valid\n`);
    expect(verified.stdout).toContain('Retention removed the objects of 2 of them.');
    const { pools } = JSON.parse((await mirror.run(['verify', '--json'])).stdout);
    expect(pools[0]).toMatchObject({ snapshots: 4, removedSnapshots: 2, findings: [] });

    const rows = await mirror.rows<{ snapshot: string; removed: boolean; state: string }>(
      `SELECT snapshot, state, archive_removed_at IS NOT NULL AS removed
       FROM directory.snapshots ORDER BY snapshot_at`,
    );
    expect(rows.map((row) => [row.snapshot, row.state, row.removed])).toEqual(
      snapshots.map((snapshot, index) => [snapshot, 'archived', index < 2]),
    );
    const status = await mirror.run(['status']);
    expect(status.stdout).toContain(
      `${snapshots[0]}: retention removed the objects of its archive.`,
    );
    const ddl = await mirror.run(['ddl', 'duckdb']);
    expect(ddl.code).toBe(0);
    expect(snapshots.map((snapshot) => ddl.stdout.includes(snapshot))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    // The history is in Postgres.
    expect((await mirror.run(['diff', mirror.poolId, snapshots[0] ?? '', 'latest'])).code).toBe(0);
  });

  test('of what was removed before, only counts', async () => {
    const { code, stdout } = await mirror.run(['prune'], KEEP);
    expect(code).toBe(0);
    expect(stdout).toContain('  before     2 snapshots removed by earlier runs\n');
    expect(stdout).toContain('  removed    0 snapshots, 0 objects, 0 bytes\n');
    expect(stdout).not.toContain(snapshots[0]);
  });

  test('by sync comes after sealing', async () => {
    const { code, reports } = await mirror.sync([], KEEP);
    expect(code).toBe(0);
    expect(withParts()).toEqual([snapshots[3], reports[0]?.snapshot]);
    expect((await mirror.run(['verify'])).code).toBe(0);
  });

  test('that fails in a sync is logged with its remedy, and the snapshot is archived', async () => {
    const { code, reports, stderr } = await mirror.sync([], { ARCHIVE_KEEP: 'last=1' });
    expect(code).toBe(0);
    expect(reports[0]).toMatchObject({ state: 'archived', reason: null });
    const logged = stderr.split('\n').find((line) => line.includes('retention failed'));
    expect(logged).toContain('ARCHIVE_SIGNING_KEY: it is not set');
    expect(logged).toContain('Set it to the key that signs the manifests.');
    expect(withParts()).toHaveLength(3);
  });
});
