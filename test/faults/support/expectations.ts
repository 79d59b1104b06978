import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { expect } from 'vitest';
import type { Simulator } from '../../../src/simulator/server.ts';
import { mostInAnySecond } from '../../quota/sliding.ts';
import { type Archived, checkArchive, objectsBelow } from '../../support/check-archive.ts';
import type { World } from './world.ts';

type Row = Record<string, unknown>;

const CURRENT = ['users', 'groups', 'memberships'];
const HISTORY = ['user_history', 'group_history', 'membership_history', 'changes'];

/** Which state readers saw, as hashes of all that `directory` holds. */
const STATE = CURRENT.map(
  (table) =>
    `(SELECT md5(coalesce(string_agg((to_jsonb(t) - 'valid_from')::text, ',' ORDER BY
      (to_jsonb(t) - 'valid_from')::text), '')) FROM directory.${table} AS t)`,
).join(' || ');

export const stateOf = async (world: World): Promise<string> =>
  (await world.rows<{ state: string }>(`SELECT ${STATE} AS state`))[0]?.state as string;

/** Reads the current state again and again, as readers do, until it is stopped. */
export function watchReaders(world: World): { stop(): Promise<Set<string>> } {
  const seen = new Set<string>();
  let stopped = false;
  const readOn = async () => {
    const client = new Client({ connectionString: world.databaseUrl() });
    client.on('error', () => {});
    try {
      await client.connect();
      while (!stopped) {
        const { rows } = await client.query<{ state: string }>(`SELECT ${STATE} AS state`);
        for (const { state } of rows) seen.add(state);
        await sleep(30);
      }
    } finally {
      await client.end();
    }
  };
  const reading = (async () => {
    while (!stopped) {
      // A server with a fault answers no client.
      await readOn().catch(() => sleep(30));
    }
  })();
  return {
    async stop() {
      stopped = true;
      await reading;
      return seen;
    },
  };
}

/** By how many more attempts may arrive in a second than are released in any: they bunch on their way. */
const BUNCHED = 3;

/** Expects all processes together to have kept to the rate, as the service counts. */
export function expectPaced(simulator: Simulator, rate: number): void {
  const attempts = simulator.attempts.entries({ bucket: 'UserList' });
  expect(mostInAnySecond(attempts.map(({ at }) => at))).toBeLessThanOrEqual(rate + 1 + BUNCHED);
}

/** Expects what every snapshot promises, even if the pool changed. */
export async function expectSound(world: World): Promise<void> {
  const snapshots = await snapshotsOf(world);
  expect(snapshots.map(({ state, reason }) => ({ state, reason }))).toEqual(
    snapshots.map(() => ({ state: 'archived', reason: null })),
  );
  expect(checkArchive(snapshots, await archiveOf(world))).toEqual([]);
  const [counts] = await world.rows(
    `SELECT (SELECT count(*) FROM directory.users)::int AS users,
       (SELECT count(*) FROM directory.groups)::int AS groups,
       (SELECT count(*) FROM directory.memberships)::int AS memberships`,
  );
  expect(snapshots.at(-1)).toMatchObject(counts as Row);
  expect(
    await world.rows(
      `SELECT group_name FROM directory.memberships AS m WHERE NOT EXISTS (
         SELECT FROM directory.users AS u WHERE u.username = m.username AND u.sub = m.sub
       ) OR NOT EXISTS (SELECT FROM directory.groups AS g WHERE g.group_name = m.group_name)`,
    ),
  ).toEqual([]);
  expect(
    await world.rows(
      `SELECT relname FROM pg_class WHERE relname LIKE 'stage\\_%' AND relkind = 'r'`,
    ),
  ).toEqual([]);
  // One that a killed process began holds nothing; a rule of the bucket ends it.
  const uploads = [...world.s3.buckets.values()].flatMap((bucket) => [...bucket.uploads.values()]);
  expect(uploads.filter(({ parts }) => parts.size > 0)).toEqual([]);
  expect(await readdir(world.tmp)).toEqual([]);
  expectNobodyNamed(world);
}

/** Expects the same rows and the same bytes as where nothing was disturbed. */
export async function expectSame(
  world: World,
  undisturbed: World,
  { history }: { history: boolean },
): Promise<void> {
  await expectSound(world);
  const tables = history ? [...CURRENT, ...HISTORY] : CURRENT;
  for (const table of tables) {
    const [actual, expected] = await Promise.all([
      rowsOf(world, table, history),
      rowsOf(undisturbed, table, history),
    ]);
    expect(actual, table).toEqual(expected);
  }
  expect(await newestParts(world)).toEqual(await newestParts(undisturbed));
}

/** The rows of a table, with each time replaced by its round. */
async function rowsOf(world: World, table: string, history: boolean): Promise<string[]> {
  const rows = await world.rows<{ row: Row }>(
    `SELECT to_jsonb(t) AS row FROM directory.${table} t`,
  );
  const texts = rows.map(({ row }) => {
    for (const column of ['valid_from', 'valid_to', 'snapshot_at']) {
      const at = row[column];
      if (typeof at === 'string') row[column] = history ? roundOf(world, new Date(at)) : null;
    }
    return JSON.stringify(row);
  });
  return texts.sort();
}

const roundOf = ({ roundEnds }: World, at: Date) => roundEnds.findIndex((end) => at <= end);

type Snapshot = Archived & { readonly state: string; readonly reason: string | null };

const snapshotsOf = (world: World) =>
  world.rows<Snapshot>(
    `SELECT pool_id, snapshot, state, reason, manifest, manifest_sha256, users::int, groups::int,
       memberships::int
     FROM directory.snapshots ORDER BY snapshot_at`,
  );

/**
 * The newest archive's parts of the state: hashes by format, dataset and number. A round that was
 * disturbed may have published several snapshots, which share its changes: `checkArchive` checks those.
 */
async function newestParts(world: World): Promise<Record<string, string>> {
  const objects = await archiveOf(world);
  const { snapshot } = (await snapshotsOf(world)).at(-1) as Snapshot;
  const parts = [...objects].filter(
    ([key]) => key.includes(`/snapshot=${snapshot}/`) && !key.includes('/changes/'),
  );
  return Object.fromEntries(
    parts.map(([key, bytes]) => [key.replace(`snapshot=${snapshot}`, ''), sha256(bytes)]),
  );
}

/** Every file or object of the archive, by its key below the destination. */
async function archiveOf({ archive, s3 }: World): Promise<Map<string, Buffer>> {
  if (archive === null) {
    const [bucket] = s3.buckets.values();
    const objects = [...(bucket?.objects ?? [])];
    return new Map(objects.map(([key, { bytes }]) => [key.replace(/^mirror\//, ''), bytes]));
  }
  return objectsBelow(archive);
}

/** Expects no log to name a user, or an attribute of one. */
function expectNobodyNamed({ machines, simulator }: World): void {
  const logs = machines.map(({ output }) => output.stdout + output.stderr).join('\n');
  for (const { username, attributes } of simulator.pool().users()) {
    for (const text of [username, attributes.get('sub'), attributes.get('email')]) {
      if (text) expect(logs).not.toContain(text);
    }
  }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
