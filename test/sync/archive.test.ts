import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Destination } from '../../src/archive/destination.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { ResumableError } from '../../src/model/errors.ts';
import { DATASETS, type Dataset } from '../../src/model/snapshot.ts';
import type { SimulatedPool } from '../../src/simulator/pool.ts';
import { openBucket, openFolder, wrap } from '../archive/destinations.ts';
import { contentOf, readJsonLines, readParquet } from '../archive/support.ts';
import fc from '../support/fast-check.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let mirror: TestMirror;
let poolId: string;
beforeEach(async () => {
  mirror = await openTestMirror({ users: 60, groups: 6, seed: 51 });
  poolId = mirror.pool.settings.id;
});
afterEach(() => mirror.close());

type Row = Record<string, unknown>;

/**
 * Queries for the state of a snapshot by the functions for readers, in key order. They select the
 * groups user by user, unlike the archive's own query.
 */
const STATE: Record<Dataset, string> = {
  users: `SELECT u.*, ARRAY(
      SELECT group_name FROM directory.memberships_at($1, $2) AS m
      WHERE m.username = u.username ORDER BY group_name COLLATE "C") AS groups
    FROM directory.users_at($1, $2) AS u ORDER BY username COLLATE "C"`,
  groups: `SELECT * FROM directory.groups_at($1, $2) ORDER BY group_name COLLATE "C"`,
  memberships: `SELECT * FROM directory.memberships_at($1, $2)
    ORDER BY group_name COLLATE "C", username COLLATE "C"`,
};

interface Snapshot {
  readonly id: string;
  readonly at: Date;
}

const snapshots = (): Promise<Snapshot[]> =>
  mirror.rows(
    'SELECT snapshot AS id, snapshot_at AS at FROM directory.snapshots ORDER BY snapshot_at',
  );

const stateOf = async (dataset: Dataset, { at }: Snapshot): Promise<Row[]> =>
  (await mirror.rows<Row>(STATE[dataset], [poolId, at])).map(
    ({ pool_id: _, valid_from: __, ...row }) => row,
  );

const file = (format: string, dataset: Dataset, { id }: Snapshot, extension: string) =>
  join(
    mirror.archive,
    `${format}/${dataset}/pool_id=${poolId}/snapshot=${id}/part-00000.${extension}`,
  );

/** Expects both formats of a snapshot's archive to hold its state in SQL, row by row. */
async function expectArchived(snapshot: Snapshot): Promise<void> {
  for (const dataset of DATASETS) {
    const state = await stateOf(dataset, snapshot);
    // As JSON, a Date from the database has the documented text form.
    expect(readJsonLines(file('jsonl', dataset, snapshot, 'jsonl.gz'))).toEqual(
      JSON.parse(JSON.stringify(state)),
    );
    const read = await readParquet(file('parquet', dataset, snapshot, 'parquet'));
    expect(read.map(parseJsonColumns)).toEqual(state);
  }
}

/** Parses the JSON text of a Parquet row. */
function parseJsonColumns(row: Row): Row {
  if (typeof row['mfa_options'] !== 'string') return row;
  return { ...row, mfa_options: JSON.parse(row['mfa_options']) };
}

/** One random change of a pool: numbers that select its target, and a text. */
type Change = readonly [kind: number, n: number, m: number, text: string];
const CHANGE: fc.Arbitrary<Change> = fc.tuple(
  fc.nat({ max: 8 }),
  fc.nat(),
  fc.nat(),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }),
);

function change(pool: SimulatedPool, [kind, n, m, text]: Change): void {
  const names = [...pool.users()].map((user) => user.username);
  const username = names[n % names.length];
  const groupName = pool.groupNames()[m % pool.groupNames().length];
  if (username === undefined || groupName === undefined) return;
  switch (kind) {
    case 0:
      if (!pool.hasUser(`new-${n}`))
        pool.createUser({ username: `new-${n}`, attributes: { name: text } });
      break;
    case 1:
      pool.deleteUser(username);
      break;
    case 2: // The same name, another person.
      pool.deleteUser(username);
      pool.createUser({ username });
      break;
    case 3:
      pool.updateAttributes(username, { 'custom:department': text, email: `${m}@example.com` });
      break;
    case 4:
      pool.changeUser(username, { mfaOptions: [{ DeliveryMedium: 'SMS', AttributeName: text }] });
      break;
    case 5:
      pool.updateGroup(groupName, { description: text, precedence: m % 10 });
      break;
    case 6:
      pool.removeFromGroup(username, groupName);
      break;
    case 7: {
      const name = `group-${m % 5}`;
      if (pool.groupNames().includes(name)) pool.deleteGroup(name);
      else pool.createGroup(name);
      break;
    }
    default:
      pool.addToGroup(username, groupName);
  }
}

/** Takes snapshots with changes between them, so that each one differs. */
async function takeSnapshots(count: number): Promise<Snapshot[]> {
  const { pool } = mirror;
  for (let day = 0; day < count; day++) {
    if (day > 0) {
      for (let kind = 0; kind <= 8; kind++)
        change(pool, [kind, day * 7 + kind, day, `day ${day}\0`]);
    }
    const { report, error } = await mirror.sync();
    expect({ error, state: report.state }).toEqual({ error: null, state: 'archived' });
  }
  return snapshots();
}

/** Reads every file of the archive, by key. */
const archived = async () => contentOf(await openDestination(pathToFileURL(mirror.archive).href));

/** Archives every snapshot again at another destination. */
async function archiveAgain(destination: Destination): Promise<void> {
  await mirror.rows(
    `UPDATE directory.snapshots SET state = 'published', manifest = NULL, manifest_sha256 = NULL`,
  );
  const { error } = await mirror.sync({ destination });
  expect(error).toBeNull();
}

describe('the archive', () => {
  it('of every snapshot equals its state in SQL, row by row, after random changes', async () => {
    await mirror.sync();
    await fc.assert(
      fc.asyncProperty(fc.array(CHANGE, { minLength: 1, maxLength: 15 }), async (changes) => {
        for (const one of changes) change(mirror.pool, one);
        const { error } = await mirror.sync();
        expect(error).toBeNull();
        await expectArchived((await snapshots()).at(-1) as Snapshot);
      }),
      { numRuns: 8, endOnFailure: true },
    );
    // Later snapshots changed nothing in the earlier archives.
    for (const snapshot of await snapshots()) await expectArchived(snapshot);
  });

  it('has the same bytes in a bucket and when archived after later snapshots were published', async () => {
    await takeSnapshots(3);
    const folder = await openFolder();
    const bucket = await openBucket();
    try {
      await archiveAgain(folder.destination);
      const late = await contentOf(folder.destination);
      expect([...late.keys()]).toHaveLength(25);
      expect(late).toEqual(await archived());
      await archiveAgain(bucket.destination);
      expect(await contentOf(bucket.destination)).toEqual(late);
    } finally {
      await folder.close();
      await bucket.close();
    }
  });

  it('has the same bytes whatever file could not be stored at first', async () => {
    await takeSnapshots(2);
    const undisturbed = await openFolder();
    const disturbed = await openFolder();
    try {
      await archiveAgain(undisturbed.destination);
      const expected = await contentOf(undisturbed.destination);
      await mirror.rows(`UPDATE directory.snapshots SET state = 'published'`);
      let failures = 0;
      for (let done = false; !done; ) {
        // Each run stores one more file than the run before.
        const destination = failAt(disturbed.destination, failures);
        const { error } = await mirror.sync({ destination });
        done = error === null;
        if (error) expect(error).toBeInstanceOf(ResumableError);
        if (!done) failures += 1;
      }
      expect(failures).toBeGreaterThanOrEqual(7);
      expect(await contentOf(disturbed.destination)).toEqual(expected);
    } finally {
      await undisturbed.close();
      await disturbed.close();
    }
  });

  it('is a chain of manifests with the hashes of their files and of the previous manifest', async () => {
    const taken = await takeSnapshots(3);
    const sha256 = (bytes: Buffer | undefined) =>
      createHash('sha256')
        .update(bytes as Buffer)
        .digest('hex');
    const content = await archived();
    const named = new Set<string>();
    let previous: { snapshot: string; sha256: string } | null = null;
    for (const { id, at } of taken) {
      const key = `manifests/pool_id=${poolId}/${id}.json`;
      const manifest = JSON.parse((content.get(key) as Buffer).toString());
      const [row] = await mirror.rows<Record<string, unknown>>(
        'SELECT * FROM directory.snapshots WHERE snapshot = $1',
        [id],
      );
      // As JSON, times from the database have the manifest's form.
      const known = JSON.parse(JSON.stringify(row));
      expect(manifest).toMatchObject({
        version: 2,
        poolId,
        snapshot: id,
        snapshotAt: at.toISOString(),
        walkedAt: known.walked_at,
        publishedAt: known.published_at,
        counts: { users: known.users, groups: known.groups, memberships: known.memberships },
        previous,
      });
      for (const object of manifest.objects) {
        const bytes = content.get(object.key) as Buffer;
        expect({ bytes: bytes.length, sha256: sha256(bytes) }).toEqual({
          bytes: object.bytes,
          sha256: object.sha256,
        });
        const { dataset, rows } = object;
        if (dataset !== 'changes') expect(rows).toBe(manifest.counts[dataset]);
        named.add(object.key);
      }
      named.add(key);
      previous = { snapshot: id, sha256: sha256(content.get(key)) };
      expect(known).toMatchObject({ manifest: key, manifest_sha256: previous.sha256 });
    }
    expect([...content.keys()]).toEqual([...named].sort());
  });
});

/** A destination that fails after this many stored files. */
function failAt(destination: Destination, puts: number): Destination {
  let left = puts;
  const count = () => {
    if (left-- === 0) throw new ResumableError('The disk is full.');
  };
  return wrap(destination, {
    async put(key, stored, signal) {
      count();
      return destination.put(key, stored, signal);
    },
    async create(key, stored, signal) {
      count();
      return destination.create(key, stored, signal);
    },
  });
}
