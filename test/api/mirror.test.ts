import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createMirror, type Mirror, type SnapshotProgress, syncPool } from '../../src/index.ts';
import { type Simulator, startSimulator } from '../../src/simulator/server.ts';
import { temporaryFolder } from '../support/temp.ts';

const POOL = 'us-east-1_Simulated';

let simulator: Simulator;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
let mirror: Mirror;
beforeEach(async () => {
  simulator = await startSimulator({ rps: 0, users: 60, groups: 3 });
  home = await temporaryFolder();
  mirror = await createMirror(options());
});
afterEach(async () => {
  await mirror.close();
  await simulator.close();
  await home.remove();
});

function options() {
  return {
    home: home.path,
    archiveFormats: ['jsonl'] as const,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    endpoints: { cognito: simulator.url },
    quotas: { share: 1, userListRps: 10_000 },
  };
}

async function count(table: string): Promise<number> {
  let found = 0;
  await mirror.query(`SELECT count(*) AS n FROM ${table}`, async ([column], batches) => {
    for await (const [row] of batches) found = column?.toJson(row?.[0] ?? null) as number;
  });
  return found;
}

describe('a mirror', () => {
  test('takes a snapshot, and reports it as `sync --json` does', async () => {
    expect(await mirror.exists()).toBe(false);
    const phases = new Set<string>();
    const seen = new Set<SnapshotProgress>();
    const report = await mirror.sync(POOL, {
      onProgress(progress) {
        phases.add(progress.phase);
        seen.add(progress);
      },
    });
    expect(report).toMatchObject({ poolId: POOL, state: 'archived', users: 60, reason: null });
    expect(report.archive?.objects).toBeGreaterThan(0);
    expect(seen.size).toBe(1);
    expect([...phases]).toContain('done');
    expect(await mirror.exists()).toBe(true);
    expect(await count('users')).toBe(60);
    const { pools, snapshots } = await mirror.status();
    expect(pools).toMatchObject([{ poolId: POOL, newest: { snapshot: report.snapshot } }]);
    expect(snapshots).toMatchObject([{ snapshot: report.snapshot, state: 'archived' }]);
    expect(await mirror.checkAge({ maxAgeSeconds: 3600 })).toMatchObject({ ok: true });
  });
});

test('syncPool opens, syncs and closes', async () => {
  expect(await syncPool(POOL, options())).toMatchObject({ state: 'archived', users: 60 });
});
