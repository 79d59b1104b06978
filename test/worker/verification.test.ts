import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { formatStatus } from '../../src/cli/display/status-text.ts';
import { openMetricsQuery } from '../../src/postgres/coordination/metrics.ts';
import { readStatus } from '../../src/runner/status.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { openMetrics } from '../../src/telemetry/metrics.ts';
import { filesBelow } from '../support/cli-mirror.ts';
import { until } from '../support/fleet.ts';
import { keepLock, waitingFor } from '../support/holds.ts';
import { openWorkerMirror, type WorkerMirror } from '../support/worker-mirror.ts';
import { readValues } from '../telemetry/scrape.ts';

const [A, B] = ['us-east-1_PoolA', 'us-east-1_PoolB'] as const;

let mirror: WorkerMirror;
/** The worker's log. */
let lines: Record<string, unknown>[];

beforeEach(async () => {
  mirror = await openWorkerMirror({ pools: [A, B], users: 40, groups: 2, seed: 51 });
  // After the worker of the test, which is closed first.
  onTestFinished(() => mirror.close());
  lines = [];
  for (const poolId of [A, B]) {
    expect((await mirror.sync({ poolId, formats: ['jsonl'] })).error).toBeNull();
  }
});

const log = createLogger({
  level: 'info',
  destination: { write: (line: string) => void lines.push(JSON.parse(line)) },
});

const startWorker = (subsets: number | null) => {
  const verification = subsets === null ? null : { subsets, signers: null, needsSignatures: false };
  return mirror.startWorker({ log, verification });
};

interface Row {
  readonly due_at: Date | null;
  readonly subset: number | null;
  readonly began_at: (Date | null)[];
  readonly covered_since: Date | null;
  readonly ended_at: Date | null;
  readonly findings: Record<string, number>;
  readonly found_keys: string[];
  readonly problem: string | null;
}

const rowOf = async (poolId: string) =>
  (await mirror.rows<Row>('SELECT * FROM mirror.verifications WHERE pool_id = $1', [poolId]))[0];

/**
 * Resolves once the archive of each pool was verified. The first time comes by itself; after
 * `earlier`, the next night is let come.
 */
async function verified(earlier: readonly Row[] = []): Promise<Row[]> {
  if (earlier.length > 0) {
    await mirror.rows('UPDATE mirror.verifications SET due_at = clock_timestamp()');
  }
  return Promise.all(
    [A, B].map((poolId, index) =>
      until(`the archive of ${poolId} is verified`, async () => {
        const row = await rowOf(poolId);
        const before = earlier[index]?.ended_at?.getTime();
        return row?.ended_at && row.ended_at.getTime() !== before ? row : undefined;
      }),
    ),
  );
}

/** Changes a byte of the first object of a pool. Its size stays. */
async function alter(poolId: string): Promise<{ key: string; restore: () => void }> {
  const keys = await filesBelow(mirror.archive);
  const key = keys.find((each) => each.includes(`jsonl/users/pool_id=${poolId}`)) ?? '';
  const path = join(mirror.archive, key);
  const bytes = readFileSync(path);
  const changed = Buffer.from(bytes);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  writeFileSync(path, changed);
  return { key, restore: () => writeFileSync(path, bytes) };
}

async function metricsOf(poolId: string) {
  const text = await openMetrics().scrape(
    await openMetricsQuery(mirror.db, (error) => expect(error).toBeNull())(),
  );
  const read = (name: string) => readValues(text, `cognito_mirror_verify_${name}`)[poolId];
  return {
    findings: read('findings'),
    completedAt: read('completed_timestamp_seconds'),
    coveredSince: read('verified_timestamp_seconds'),
  };
}

async function statusOf(poolId: string) {
  const status = await readStatus(mirror.db, [poolId]);
  return {
    verification: status.pools[0]?.verification,
    text: formatStatus({ ...status, snapshots: [], schedules: [] }, 200),
  };
}

const seconds = (time: Date | null | undefined) => (time?.getTime() ?? 0) / 1000;

describe('a worker that verifies', () => {
  test('covers the archive of each pool in as many nights as there are subsets', async () => {
    expect(await metricsOf(A)).toEqual({});
    await startWorker(2);
    const first = await verified();
    for (const row of first) {
      expect(row).toMatchObject({ subset: 1, covered_since: null, findings: {}, problem: null });
      // The next is due tomorrow, within five minutes from midnight.
      const hours = seconds(row.due_at) / 3600;
      expect(hours % 24).toBeLessThan(5 / 60);
      expect(hours - seconds(row.began_at[0]) / 3600).toBeGreaterThan(0);
      expect(hours - seconds(row.began_at[0]) / 3600).toBeLessThan(24.1);
    }
    const [before] = first;
    expect(await metricsOf(A)).toEqual({
      findings: 0,
      completedAt: expect.closeTo(seconds(before?.ended_at), 2),
    });
    expect((await statusOf(A)).text).toMatch(
      /\n {2}archive verified: subset 1 of 2 \d+ s ago; no findings\n/,
    );

    const second = await verified(first);
    for (const [index, row] of second.entries()) {
      expect(row).toMatchObject({ subset: 2, covered_since: first[index]?.began_at[0] });
    }
    expect((await metricsOf(B)).coveredSince).toBeCloseTo(seconds(first[1]?.began_at[0]), 2);
    const { verification, text } = await statusOf(A);
    expect(verification).toEqual({
      subset: 2,
      subsets: 2,
      coveredSince: first[0]?.began_at[0],
      endedAt: second[0]?.ended_at,
      dueAt: second[0]?.due_at,
      findings: {},
      problem: null,
    });
    expect(text).toMatch(
      /\n {2}archive verified: all objects since [\d:TZ-]{20}, subset 2 of 2 \d+ s ago; no findings\n/,
    );

    for (const [index, row] of (await verified(second)).entries()) {
      expect(row).toMatchObject({ subset: 1, covered_since: second[index]?.began_at[1] });
    }
    const logged = lines.filter(({ msg }) => msg === 'verified the archive');
    expect(logged.map(({ poolId, subset }) => [poolId, subset].join(' ')).sort()).toEqual(
      [A, B].flatMap((poolId) => ['1/2', '1/2', '2/2'].map((subset) => `${poolId} ${subset}`)),
    );
  });

  test('starts again at the first subset if their number changed, and keeps what is covered', async () => {
    const began = new Date('2026-11-20T00:00:00Z');
    await mirror.rows(
      `INSERT INTO mirror.verifications (pool_id, destination, due_at, subset, began_at,
         covered_since)
       VALUES ($1, $2, now(), 2, ARRAY[$3, $3]::timestamptz[], $3)`,
      [A, mirror.destination.url, began],
    );
    await startWorker(3);
    const [row] = await verified();
    expect(row).toMatchObject({ subset: 1, covered_since: began });
    expect(row?.began_at.slice(1)).toEqual([null, null]);
  });

  test('reports an altered part every night, until it is restored', async () => {
    const { key, restore } = await alter(A);
    await startWorker(2);
    const nights = [await verified()];
    for (const night of [0, 1]) nights.push(await verified(nights[night]));
    // The part is read in the night of its subset, and in each that follows.
    const found = nights.map(([row]) => row?.findings);
    expect(found.slice(1)).toEqual([{ altered: 1 }, { altered: 1 }]);
    expect(nights.map(([, other]) => other?.findings)).toEqual([{}, {}, {}]);
    expect(nights[2]?.[0]?.found_keys).toEqual([key]);
    const [snapshot = ''] = /\d{8}T\d{6}Z/.exec(key) ?? [];
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        poolId: A,
        code: 'altered',
        key,
        snapshot,
        msg: 'something is wrong with the archive',
      }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        poolId: A,
        findings: { altered: 1 },
        msg: 'verified the archive, and something is wrong with it',
      }),
    );
    expect((await metricsOf(A)).findings).toBe(1);
    expect((await metricsOf(B)).findings).toBe(0);
    const { verification, text } = await statusOf(A);
    expect(verification?.findings).toEqual({ altered: 1 });
    expect(text).toMatch(/; 1 finding\. To name them:\n {4}\S.*verify us-east-1_PoolA\n/);

    restore();
    expect((await verified(nights[2]))[0]?.findings).toEqual({});
    expect((await metricsOf(A)).findings).toBe(0);
  });

  test('notices that what this database archived is gone', async () => {
    const keys = (await filesBelow(mirror.archive)).filter((key) => key.includes(A));
    for (const key of keys) await mirror.destination.delete([key], new AbortController().signal);
    await startWorker(1);
    const [row] = await verified();
    expect(row?.findings).toEqual({ missing: 1, 'head-missing': 1 });
  });

  test('takes an archive that it cannot read for a failure, and tries again in an hour', async () => {
    // As if the folder were another one.
    const parts = join(mirror.archive, 'jsonl');
    renameSync(parts, `${parts}.moved`);
    writeFileSync(parts, '');
    await startWorker(2);
    const failed = await until('the failure is recorded', () => rowOf(A));
    const problem = expect.stringMatching(/was not listed \(ENOTDIR\)/);
    expect(failed).toMatchObject({ subset: null, ended_at: null, findings: {}, problem });
    expect(seconds(failed.due_at)).toBeGreaterThan(Date.now() / 1000 + 50 * 60);
    expect(await metricsOf(A)).toEqual({ findings: 0, completedAt: 0 });
    const text = (await statusOf(A)).text;
    expect(text).toMatch(
      /\n {2}verifying the archive failed, and is repeated in (1 h|59 min): .*ENOTDIR/,
    );
    const other = await until('the failure of the other is recorded', () => rowOf(B));
    rmSync(parts);
    renameSync(`${parts}.moved`, parts);
    expect((await verified([failed, other]))[0]).toMatchObject({ subset: 1, problem: null });
  });

  test('does not keep a snapshot waiting', async () => {
    const release = await keepLock(mirror, 'LOCK TABLE mirror.verifications IN SHARE MODE');
    await startWorker(1);
    const waiting = () => waitingFor(mirror, 'mirror.verifications');
    await until('a verification is in progress', async () => (await waiting()) > 0);
    await mirror.ask(A);
    expect(await mirror.ended(A)).toMatchObject({ outcome: 'done' });
    await release();
    await until('it is recorded', async () => (await rowOf(A))?.ended_at);
  });
});

test('workers without the setting verify nothing, and their metrics end', async () => {
  await mirror.rows(
    `INSERT INTO mirror.verifications (pool_id, destination, due_at, subset, ended_at)
     VALUES ($1, $2, now(), 1, now())`,
    [A, mirror.destination.url],
  );
  expect((await metricsOf(A)).findings).toBe(0);
  await startWorker(null);
  await mirror.ask(A);
  expect(await mirror.ended(A)).toMatchObject({ outcome: 'done' });
  const jobs = Object.values(await mirror.queues.verifications.getJobCounts());
  expect(jobs.every((count) => count === 0)).toBe(true);
  expect(await rowOf(A)).toMatchObject({ due_at: null, subset: 1 });
  expect(await metricsOf(A)).toEqual({});
  expect((await statusOf(A)).verification).toBeNull();
});
