import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ManifestObject } from '../../src/archive/manifest.ts';
import { ARCHIVE_FORMATS, type ArchiveFormat } from '../../src/config/config.ts';
import { type ArchivedDataset, DATASETS } from '../../src/model/snapshot.ts';
import { pruneHistory } from '../../src/postgres/store/prune-history.ts';
import { archivePublished } from '../../src/snapshot/archive.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { SnapshotProgress } from '../../src/telemetry/snapshot-progress.ts';
import { verifyPool } from '../../src/verify/verify-pool.ts';
import { openFolder } from '../archive/destinations.ts';
import { NEVER, readCsv, readJsonLines, readParquet } from '../archive/support.ts';
import { drawnHistory, type State, type Taken, take } from '../history/drawn-pool.ts';
import { changeRows, fold, type Row, type Rows, rowsOf } from '../history/rows.ts';
import { group, user } from '../postgres/fixtures.ts';
import fc from '../support/fast-check.ts';
import { databaseForEach } from '../support/postgres.ts';
import { privacyOf } from '../support/privacy.ts';
import { temporaryFolder } from '../support/temp.ts';

let db: pg.Pool;
databaseForEach(4, (made) => {
  db = made.db;
});
let archive: Awaited<ReturnType<typeof openFolder>>;
let work: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  archive = await openFolder();
  work = await temporaryFolder();
});
afterEach(async () => {
  await archive.close();
  await work.remove();
});

const FORMATS = ARCHIVE_FORMATS;
let pools = 0;

/** Archives what is published, and returns the ids of the snapshots. */
async function archiveAll(poolId: string): Promise<string[]> {
  const context = {
    db,
    destination: archive.destination,
    formats: FORMATS,
    lock: null,
    privacy: privacyOf(poolId),
    signer: null,
    program: 'cognito-mirror/test',
    workFolder: work.path,
    progress: new SnapshotProgress(poolId),
    log: createLogger({ level: 'silent' }),
  };
  return [...(await archivePublished(context, poolId, NEVER)).keys()];
}

async function objectsOf(poolId: string, snapshot: string): Promise<ManifestObject[]> {
  const path = join(archive.folder, `manifests/pool_id=${poolId}/${snapshot}.json`);
  return JSON.parse(await readFile(path, 'utf8')).objects;
}

/** The rows of a dataset in the archive, by one of its formats alone. */
async function read(
  poolId: string,
  snapshot: string,
  format: ArchiveFormat,
  dataset: ArchivedDataset,
): Promise<Row[]> {
  const objects = await objectsOf(poolId, snapshot);
  const parts = objects.filter((each) => each.format === format && each.dataset === dataset);
  const rows = await Promise.all(
    parts.map(({ key }) => READERS[format](join(archive.folder, key), dataset)),
  );
  return rows.flat();
}

const READERS: Readonly<
  Record<ArchiveFormat, (path: string, dataset: ArchivedDataset) => Promise<Row[]>>
> = {
  csv: async (path, dataset) => readCsv(await readFile(path), dataset),
  jsonl: async (path) => readJsonLines(path) as Row[],
  parquet: async (path) =>
    (await readParquet(path)).map((row) => {
      const [before, after] = [row['before'], row['after']].map((text) =>
        typeof text === 'string' ? JSON.parse(text) : text,
      );
      return 'changed' in row ? { ...row, before, after } : row;
    }),
};

const readState = async (poolId: string, snapshot: string): Promise<Rows> => ({
  users: await read(poolId, snapshot, 'jsonl', 'users'),
  groups: await read(poolId, snapshot, 'jsonl', 'groups'),
  memberships: await read(poolId, snapshot, 'jsonl', 'memberships'),
});

const findingsOf = async (poolId: string) =>
  (
    await verifyPool(archive.destination, poolId, {
      from: null,
      to: null,
      content: 'all',
      signers: null,
      head: null,
      parquet: null,
      signal: NEVER,
    })
  ).findings;

test('changes are those of a plain model, and lead from the first state to the last', async () => {
  await fc.assert(
    fc.asyncProperty(drawnHistory, fc.boolean(), async (states, isLate) => {
      pools += 1;
      const poolId = `eu-west-1_Drawn${pools}`;
      const taken: Taken[] = [];
      for (const state of states) {
        taken.push(await take(db, poolId, state));
        if (!isLate) await archiveAll(poolId);
      }
      const ids = taken.map(({ id }) => id);
      if (isLate) expect(await archiveAll(poolId)).toEqual(ids);

      const rows = taken.map(rowsOf);
      let folded = await readState(poolId, ids[0] as string);
      expect(folded).toEqual(rows[0]);
      for (const format of FORMATS) {
        expect(await read(poolId, ids[0] as string, format, 'changes')).toEqual([]);
      }
      for (const [index, id] of ids.entries()) {
        const since = ids[index - 1];
        if (since === undefined) continue;
        const expected = changeRows(rows[index - 1] as Rows, rows[index] as Rows, since);
        for (const format of FORMATS) {
          expect(await read(poolId, id, format, 'changes')).toEqual(expected);
        }
        folded = fold(folded, await read(poolId, id, 'jsonl', 'changes'));
      }
      expect(folded).toEqual(await readState(poolId, ids.at(-1) as string));
      expect(await findingsOf(poolId)).toEqual([]);
    }),
    { numRuns: 15, endOnFailure: true },
  );
}, 300_000);

const POOL = 'eu-west-1_Changes';
const admins = group('admins');
const state = (...names: string[]): State => {
  const users = names.map((name) => user(name));
  return { users, groups: [admins], members: { admins: users } };
};
const kindsOf = async (snapshot: string) =>
  (await read(POOL, snapshot, 'jsonl', 'changes')).map((row) =>
    [row['kind'], row['entity'], row['username'], row['since']].join(' '),
  );

const statesOf = async () => {
  const found = await db.query('SELECT state FROM directory.snapshots ORDER BY snapshot_at');
  return found.rows.map((row) => row.state);
};

test('a snapshot follows the last one that was archived, if the one between is lost', async () => {
  const first = await take(db, POOL, state('ann', 'bob'));
  await archiveAll(POOL);
  await take(db, POOL, state('ann', 'eve'));
  const last = await take(db, POOL, state('ann', 'dan'));
  // Something else takes what only the snapshot between had.
  await db.query(`DELETE FROM directory.user_history WHERE username = 'eve'`);
  expect(await archiveAll(POOL)).toEqual([last.id]);
  expect(await statesOf()).toEqual(['archived', 'published', 'archived']);
  expect(await kindsOf(last.id)).toEqual([
    `removed user bob ${first.id}`,
    `added user dan ${first.id}`,
    `removed membership bob ${first.id}`,
    `added membership dan ${first.id}`,
  ]);
});

test('a snapshot whose changes do not lead to its rows is archived without them', async () => {
  await take(db, POOL, state('ann', 'bob'));
  await archiveAll(POOL);
  const second = await take(db, POOL, state('bob'));
  await db.query(`DELETE FROM directory.user_history WHERE username = 'ann'`);
  await archiveAll(POOL);
  expect((await objectsOf(POOL, second.id)).some(({ dataset }) => dataset === 'changes')).toBe(
    false,
  );
  const third = await take(db, POOL, state('bob', 'cem'));
  await archiveAll(POOL);
  expect(await kindsOf(third.id)).toEqual([
    `added user cem ${second.id}`,
    `added membership cem ${second.id}`,
  ]);
  expect(await findingsOf(POOL)).toEqual([]);
});

test('pruning keeps what the changes of the next archive need', async () => {
  const first = await take(db, POOL, state('ann', 'bob'));
  await archiveAll(POOL);
  const second = await take(db, POOL, state('bob', 'cem'));
  await pruneHistory(db, POOL, 0, NEVER);
  await archiveAll(POOL);
  expect(await kindsOf(second.id)).toEqual([
    `removed user ann ${first.id}`,
    `added user cem ${first.id}`,
    `removed membership ann ${first.id}`,
    `added membership cem ${first.id}`,
  ]);
});

test('an archive has no changes where the state before is unknown', async () => {
  const poolId = POOL;
  await take(db, poolId, state('ann'));
  await archiveAll(poolId);
  // An archive that another database began, or whose versions an earlier program pruned.
  await db.query(`UPDATE directory.snapshots SET manifest_sha256 = 'another'`);
  await db.query('UPDATE mirror.runs SET destination = NULL');
  const second = await take(db, poolId, state('bob'));
  await archiveAll(poolId);
  const third = await take(db, poolId, state('cem'));
  await db.query(
    `INSERT INTO mirror.history_floors VALUES ($1, $2)
     ON CONFLICT (pool_id) DO UPDATE SET retained_from = excluded.retained_from`,
    [poolId, third.at],
  );
  await archiveAll(poolId);
  for (const { id } of [second, third]) {
    const datasets = (await objectsOf(poolId, id)).map(({ dataset }) => dataset);
    expect(new Set(datasets)).toEqual(new Set(DATASETS));
  }
  expect(await findingsOf(poolId)).toEqual([]);
});
