import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createMirror,
  type ErrorCode,
  type Mirror,
  MirrorError,
  type SnapshotProgress,
  syncPool,
} from '../../src/index.ts';
import { type Simulator, startSimulator } from '../../src/simulator/server.ts';
import { startRedis } from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temp.ts';

const POOL = 'us-east-1_Simulated';

let simulator: Simulator;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
let mirror: Mirror;
let running: Promise<void>;
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

  test('plans without creating anything', async () => {
    const plan = await mirror.plan(POOL);
    expect(plan).toMatchObject({ poolId: POOL, estimatedUsers: 60 });
    expect(plan.calls.total).toBeGreaterThan(0);
    expect(await mirror.exists()).toBe(false);
    expect(await mirror.status()).toMatchObject({ pools: [], snapshots: [] });
  });

  test('lists the users of the service', async () => {
    const items: unknown[] = [];
    for await (const page of mirror.list({ kind: 'users', poolId: POOL, maxItems: 5 })) {
      items.push(...page.items);
    }
    expect(items).toHaveLength(5);
  });

  test('holds a suspicious snapshot, which release publishes and discard drops', async () => {
    await mirror.sync(POOL);
    const names = [...simulator.pool().users()].map(({ username }) => username);
    for (const name of names.slice(0, 30)) simulator.pool().deleteUser(name);
    const first = await mirror.sync(POOL);
    expect(first).toMatchObject({ state: 'held', archive: null });
    expect(await mirror.discard(`${POOL}/${first.snapshot}`)).toMatchObject({ state: 'discarded' });
    const second = await mirror.sync(POOL);
    const released = await mirror.release(`${POOL}/${second.snapshot}`);
    expect(released).toMatchObject({ state: 'archived', users: 30 });
  });

  test('queues syncs of one Region, and works beside another mirror', async () => {
    const others = await startSimulator({ rps: 0, users: 10, groups: 1, pools: ['us-east-1_B'] });
    const folder = await temporaryFolder();
    const other = await createMirror({
      ...options(),
      home: folder.path,
      endpoints: { cognito: others.url },
    });
    try {
      const reports = await Promise.all([
        mirror.sync(POOL),
        mirror.sync(POOL),
        other.sync('us-east-1_B'),
      ]);
      expect(reports.map(({ state, users }) => [state, users])).toEqual([
        ['archived', 60],
        ['archived', 60],
        ['archived', 10],
      ]);
    } finally {
      await other.close();
      await others.close();
      await folder.remove();
    }
  });

  test('runs a worker until it is closed', async () => {
    const redis = await startRedis();
    const working = await createMirror({ ...options(), redisUrl: redis.url });
    try {
      let url: string | null = null;
      const schedules = { [POOL]: { pattern: '0 0 1 1 *' } };
      const http = { host: '127.0.0.1', port: 0, token: null };
      const ready = new Promise<void>((resolve) => {
        const onReady = (started: { url: string | null }) => {
          url = started.url;
          resolve();
        };
        running = working.worker({ schedules, http, onReady });
      });
      await Promise.race([ready, running]);
      expect((await fetch(`${url}/healthz`)).status).toBe(200);
      expect(await working.trigger(POOL)).toMatchObject({ accepted: true });
    } finally {
      await working.close();
      await redis.close();
    }
    await running;
  });
});

test('syncPool opens, syncs and closes', async () => {
  expect(await syncPool(POOL, options())).toMatchObject({ state: 'archived', users: 60 });
});

describe('errors have a stable code', () => {
  const codeOf = async (failing: () => Promise<unknown>): Promise<ErrorCode | undefined> => {
    const error: unknown = await failing().catch((reason: unknown) => reason);
    return error instanceof MirrorError ? error.code : undefined;
  };

  test('of wrong options, with the name of each option', async () => {
    const wrong = createMirror({ databaseUrl: 'mysql://x', quotas: { share: 2 } });
    await expect(wrong).rejects.toMatchObject({
      code: 'action_required',
      problems: [{ subject: 'databaseUrl' }, { subject: 'quotas.share' }],
    });
  });

  test('of calls', async () => {
    expect(await codeOf(() => mirror.sync('none'))).toBe('action_required');
    expect(await codeOf(() => mirror.discard(`${POOL}/20261120T020000Z`))).toBe('action_required');
    expect(await codeOf(() => mirror.worker())).toBe('action_required');
    const stop = new AbortController();
    stop.abort();
    expect(await codeOf(() => mirror.sync(POOL, { signal: stop.signal }))).toBe('interrupted');
    await mirror.close();
    expect(await codeOf(() => mirror.status())).toBe('action_required');
  });
});
