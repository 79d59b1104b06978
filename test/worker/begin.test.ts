import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stageTables } from '../../src/postgres/store/stage.ts';
import type { Phase } from '../../src/telemetry/snapshot-progress.ts';
import { openWorkerMirror, type WorkerMirror } from '../support/worker-mirror.ts';

const [OLD, READ, WALKED] = ['us-east-1_Old', 'us-east-1_Read', 'us-east-1_Walked'] as const;
const [SCHEDULED, TRIGGERED] = ['us-east-1_Scheduled', 'us-east-1_Triggered'] as const;

let mirror: WorkerMirror;

beforeAll(async () => {
  mirror = await openWorkerMirror({
    pools: [OLD, READ, WALKED, SCHEDULED, TRIGGERED],
    users: 90,
    groups: 2,
    seed: 383,
  });
});
afterAll(() => mirror.close());

interface SnapshotRow {
  readonly snapshot: string;
  readonly state: string;
  readonly reason: string | null;
}

const snapshots = (poolId: string) =>
  mirror.rows<SnapshotRow>(
    `SELECT snapshot, state, reason FROM directory.snapshots WHERE pool_id = $1
     ORDER BY snapshot_at`,
    [poolId],
  );

/** How often lists were asked of the service for a pool. */
const listings = (poolId: string) =>
  mirror.simulator.attempts
    .entries()
    .filter((each) => each.poolId === poolId && each.operation.startsWith('List')).length;

/** Takes a snapshot of the pool, interrupted at its first members or at the end of a phase. */
async function interrupt(poolId: string, at: 'members' | Phase): Promise<void> {
  const stop = new AbortController();
  mirror.proxy.before = ({ operation }) => {
    if (at === 'members' && operation === 'ListUsersInGroup') stop.abort();
  };
  await mirror.sync({
    poolId,
    signal: stop.signal,
    watch: (progress) => {
      progress.onPhaseEnd((phase) => {
        if (phase === at) stop.abort();
      });
    },
  });
  mirror.proxy.before = () => {};
}

describe('an open request whose snapshot began over a day ago', () => {
  /**
   * Makes the pool's interrupted snapshot one of 25 hours ago that was last read so many minutes
   * ago, and that of an open request.
   */
  async function age(poolId: string, minutes: number): Promise<void> {
    const [run] = await mirror.rows<{ stage: number; snapshotAt: Date }>(
      `WITH runs AS (
         UPDATE mirror.runs SET snapshot_at = snapshot_at - interval '25 hours' WHERE pool_id = $1
         RETURNING stage, snapshot_at
       ), snapshots AS (
         UPDATE directory.snapshots SET snapshot_at = snapshot_at - interval '25 hours',
           snapshot = to_char((snapshot_at - interval '25 hours') AT TIME ZONE 'UTC',
             'YYYYMMDD"T"HH24MISS"Z"')
         WHERE pool_id = $1 AND state = 'walking'
       )
       SELECT stage, snapshot_at AS "snapshotAt" FROM runs`,
      [poolId],
    );
    const { stage, snapshotAt } = run as NonNullable<typeof run>;
    await mirror.rows(
      `UPDATE ${stageTables(stage).walks} SET token_at = token_at - make_interval(mins => $1)`,
      [minutes],
    );
    await mirror.ask(poolId, 'trigger', snapshotAt);
  }

  it('fails the snapshot if no page was read for an hour, and takes a new one', async () => {
    await interrupt(OLD, 'members');
    await age(OLD, 61);
    await mirror.startWorker();
    expect(await mirror.ended(OLD)).toMatchObject({ outcome: 'done', reason: null });
    expect(await snapshots(OLD)).toMatchObject([
      { state: 'failed', reason: 'It was not finished within 24 hours.' },
      { state: 'archived', reason: null },
    ]);
  });

  it('continues the snapshot if a page was read recently', async () => {
    await interrupt(READ, 'members');
    await age(READ, 40);
    await mirror.startWorker();
    expect(await mirror.ended(READ)).toMatchObject({ outcome: 'done', reason: null });
    expect(await snapshots(READ)).toMatchObject([{ state: 'archived', reason: null }]);
  });

  it('checks and publishes the snapshot if every page was read, at any age', async () => {
    await interrupt(WALKED, 'walk');
    await age(WALKED, 600);
    const before = listings(WALKED);
    await mirror.startWorker();
    expect(await mirror.ended(WALKED)).toMatchObject({ outcome: 'done', reason: null });
    expect(await snapshots(WALKED)).toMatchObject([{ state: 'archived', reason: null }]);
    expect(listings(WALKED)).toBe(before);
  });
});

describe('a snapshot that was published and not archived', () => {
  it('is archived by the schedule before the new snapshot that it takes', async () => {
    await interrupt(SCHEDULED, 'publish');
    const [first] = await snapshots(SCHEDULED);
    expect(first).toMatchObject({ state: 'published' });
    await mirror.ask(SCHEDULED, 'schedule');
    await mirror.startWorker();
    expect(await mirror.ended(SCHEDULED)).toMatchObject({ outcome: 'done', source: 'schedule' });
    const [archived, second, ...more] = await snapshots(SCHEDULED);
    expect(more).toEqual([]);
    expect([archived, second]).toMatchObject([
      { snapshot: first?.snapshot, state: 'archived' },
      { state: 'archived' },
    ]);
    const manifest = join(
      mirror.archive,
      `manifests/pool_id=${SCHEDULED}/${second?.snapshot}.json`,
    );
    expect(JSON.parse(await readFile(manifest, 'utf8'))).toMatchObject({
      previous: { snapshot: first?.snapshot },
    });
  });

  it('is finished by a trigger without reading a page', async () => {
    await interrupt(TRIGGERED, 'publish');
    const before = listings(TRIGGERED);
    await mirror.ask(TRIGGERED, 'trigger');
    await mirror.startWorker();
    expect(await mirror.ended(TRIGGERED)).toMatchObject({ outcome: 'done', source: 'trigger' });
    expect(await snapshots(TRIGGERED)).toMatchObject([{ state: 'archived', reason: null }]);
    expect(listings(TRIGGERED)).toBe(before);
  });
});
