import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openLocks } from '../../src/postgres/coordination/locks.ts';
import { type CliMirror, filesBelow, openCliMirror } from '../support/cli-mirror.ts';
import { HASH_KEY } from '../support/privacy.ts';
import { uncompress } from '../support/uncompress.ts';

let mirror: CliMirror;
const SIGNED = { ARCHIVE_SIGNING_KEY: 'key', ARCHIVE_FORMATS: 'parquet,jsonl,csv' };
const KEYED = { ...SIGNED, MIRROR_HASH_KEY: HASH_KEY };

/** A person with values that no other user has. */
function addPerson(name: string): { username: string; sub: string; traces: string[] } {
  const username = `person-${name}`;
  const traces = [username, `${name}@forget.example`, `+1555${name}`, `Name of ${name}`];
  const { attributes } = mirror.pool.createUser({
    username,
    attributes: { email: traces[1] ?? '', phone_number: traces[2] ?? '', name: traces[3] ?? '' },
  });
  const [group = ''] = mirror.pool.groupNames();
  mirror.pool.addToGroup(username, group);
  const sub = attributes.get('sub') ?? '';
  return { username, sub, traces: [...traces, sub] };
}

let ana: ReturnType<typeof addPerson>;
let ben: ReturnType<typeof addPerson>;
let eva: ReturnType<typeof addPerson>;
let kim: ReturnType<typeof addPerson>;

const sync = async () => {
  const result = await mirror.sync([], KEYED);
  expect(result.stderr).not.toContain('without its changes');
  expect(result.code).toBe(0);
  return result.reports[0]?.snapshot ?? '';
};

beforeAll(async () => {
  mirror = await openCliMirror({ users: 60, groups: 3 });
  await mirror.run(['keygen', '--out', 'key']);
  [ana, ben, eva, kim] = ['ana01', 'ben02', 'eva03', 'kim04'].map(addPerson) as [
    typeof ana,
    typeof ana,
    typeof ana,
    typeof ana,
  ];
  await sync();
  mirror.pool.updateAttributes(ana.username, { family_name: 'Changed' });
  await sync();
  for (const { username } of [ana, ben]) mirror.pool.deleteUser(username);
  await sync();
});
afterAll(() => mirror.close());

/** Where traces are: keys of the archive, and tables of the database. */
async function find(traces: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const file of await filesBelow(mirror.archive)) {
    const content = uncompress(file, readFileSync(join(mirror.archive, file)));
    if (traces.some((trace) => content.includes(trace))) found.push(file);
  }
  // From the catalog, so that a table that is added later is searched too.
  const tables = await mirror.rows<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class AS c
     JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE n.nspname IN ('directory', 'mirror') AND c.relkind = 'r'`,
  );
  for (const { name } of tables) {
    const [{ rows } = { rows: 0 }] = await mirror.rows<{ rows: number }>(
      `SELECT count(*)::int AS rows FROM ${name} AS t WHERE EXISTS (
         SELECT FROM unnest($1::text[]) AS trace WHERE strpos(t::text, trace) > 0)`,
      [traces],
    );
    if (rows > 0) found.push(name);
  }
  const statistics = await mirror.rows(
    `SELECT FROM pg_stats WHERE schemaname IN ('directory', 'mirror') AND EXISTS (
       SELECT FROM unnest($1::text[]) AS trace
       WHERE strpos(concat(most_common_vals, histogram_bounds), trace) > 0)`,
    [traces],
  );
  if (statistics.length > 0) found.push('pg_stats');
  return found;
}

const expectSound = async () => {
  const { code, stdout } = await mirror.run(['verify'], SIGNED);
  expect(code, stdout).toBe(0);
};

describe('forget refuses', () => {
  test.each([
    ['an unknown user', ['nobody-knows'], 'neither the database nor the archive'],
    ['no user', [], 'no user is named'],
    ['a reason that names the person', ['x-y', '--reason', 'As X-Y asked'], 'it names a person'],
  ])('%s, and writes nothing', async (_, args, problem) => {
    const before = await filesBelow(mirror.archive);
    const { code, stdout, stderr } = await mirror.run(['forget', mirror.poolId, ...args], KEYED);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(problem);
    expect(await filesBelow(mirror.archive)).toEqual(before);
    expect(await mirror.rows('SELECT FROM mirror.erasures')).toEqual([]);
  });

  test('a person who is still in the pool, without their name', async () => {
    const { code, stderr } = await mirror.run(['forget', mirror.poolId, eva.username], KEYED);
    expect(code).toBe(2);
    expect(stderr).toContain('still a user of the pool');
    expect(stderr).toContain('--suppress');
    expect(stderr).not.toContain(eva.username);
    expect(await find(eva.traces)).not.toEqual([]);
  });

  test('--suppress without the key, with the way to make one', async () => {
    const { code, stderr } = await mirror.run(
      ['forget', mirror.poolId, eva.username, '--suppress'],
      SIGNED,
    );
    expect(code).toBe(2);
    expect(stderr).toContain('MIRROR_HASH_KEY');
    expect(stderr).toContain('openssl rand');
    expect(await mirror.rows('SELECT FROM mirror.suppressed')).toEqual([]);
  });

  test('a signed archive without the key that signs it', async () => {
    const { code, stderr } = await mirror.run(['forget', mirror.poolId, ana.sub]);
    expect(code).toBe(2);
    expect(stderr).toContain('ARCHIVE_SIGNING_KEY');
  });

  test('while another run has the pool', async () => {
    const locks = await openLocks(mirror.databaseUrl, () => {});
    onTestFinished(() => locks.unlock());
    await locks.lockPool(mirror.poolId);
    const { code } = await mirror.run(['forget', mirror.poolId, ana.sub], KEYED);
    expect(code).toBe(1);
  });
});

test('--dry-run shows what would be removed, and changes nothing', async () => {
  const before = await filesBelow(mirror.archive);
  const { code, stdout } = await mirror.run(
    ['forget', mirror.poolId, ana.username, '--dry-run', '--json'],
    KEYED,
  );
  expect(code).toBe(0);
  const shown = JSON.parse(stdout);
  expect(shown).toMatchObject({ dryRun: true, persons: 1, present: 0, receipt: null });
  expect(shown.database).toEqual({ user_history: 2, membership_history: 1 });
  expect(shown.snapshots).toHaveLength(3);
  expect(await filesBelow(mirror.archive)).toEqual(before);
});

test('a person who left is removed from everywhere, with a signed receipt', async () => {
  const dry = await mirror.run(
    ['forget', mirror.poolId, ana.username, '--dry-run', '--json'],
    KEYED,
  );
  const { code, stdout, stderr } = await mirror.run(
    ['forget', mirror.poolId, ana.username, '--reason', 'request 17', '--json'],
    KEYED,
  );
  expect(code).toBe(0);
  for (const trace of ana.traces) expect(stdout + stderr).not.toContain(trace);
  const done = JSON.parse(stdout);
  const planned = JSON.parse(dry.stdout);
  expect(done.database).toEqual(planned.database);
  expect(
    done.snapshots.map(({ parts, rows }: { parts: number; rows: number }) => [parts, rows]),
  ).toEqual(
    planned.snapshots.map(({ parts, rows }: { parts: number; rows: number }) => [parts, rows]),
  );
  expect(await find(ana.traces)).toEqual([]);
  await expectSound();
  const receipt = JSON.parse(readFileSync(join(mirror.archive, done.receipt), 'utf8'));
  expect(receipt).toMatchObject({ kind: 'erasure', reason: 'request 17', suppress: false });
  expect(receipt.persons).toEqual([expect.stringMatching(/^hmac-sha256:/)]);
  expect(receipt.outOfReach).toContain('backups and dumps of the database');
  const kept = await mirror.rows('SELECT receipt FROM mirror.erasures');
  expect(kept).toEqual([{ receipt: done.receipt }]);
});

test('an altered receipt is a finding', async () => {
  const [{ receipt } = { receipt: '' }] = await mirror.rows<{ receipt: string }>(
    'SELECT receipt FROM mirror.erasures',
  );
  const path = join(mirror.archive, receipt);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace('request 17', 'request 18'));
  const { code, stdout } = await mirror.run(['verify'], SIGNED);
  writeFileSync(path, text);
  expect(code).toBe(1);
  expect(stdout).toContain('bad-signature');
});

test('those who are still there stay out of later snapshots with --suppress, several from a file', async () => {
  const file = join(mirror.folder, 'persons.txt');
  writeFileSync(file, `${ben.sub}\n\n${kim.username}\n`);
  const args = ['forget', mirror.poolId, eva.username, '--file', file, '--suppress'];
  const { code, stdout, stderr } = await mirror.run(args, KEYED);
  expect(code).toBe(0);
  expect(stdout).toContain('3, 2 still in the pool');
  for (const { traces } of [ben, eva, kim]) {
    expect(await find(traces)).toEqual([]);
    for (const trace of traces) expect(stdout + stderr).not.toContain(trace);
  }
  await expectSound();

  mirror.pool.updateAttributes(eva.username, { name: 'Name of eva03 again' });
  const snapshot = await sync();
  for (const { traces } of [eva, kim]) expect(await find(traces)).toEqual([]);
  await expectSound();
  const manifest = join(mirror.archive, `manifests/pool_id=${mirror.poolId}/${snapshot}.json`);
  expect(JSON.parse(readFileSync(manifest, 'utf8'))).toMatchObject({
    suppressed: 2,
    counts: { users: 60 },
  });
  const [row] = await mirror.rows(
    'SELECT users::int, added::int, removed::int, repaired::int, suppressed::int FROM directory.snapshots ORDER BY snapshot_at DESC LIMIT 1',
  );
  expect(row).toEqual({ users: 60, added: 0, removed: 0, repaired: 0, suppressed: 2 });
});

test('without the key, no snapshot would bring them back', async () => {
  const { code, stderr } = await mirror.sync([], SIGNED);
  expect(code).not.toBe(0);
  expect(stderr).toContain('MIRROR_HASH_KEY');
});

test('questions are answered from the revised parts, and the database agrees', async () => {
  const url = new URL(`file://${mirror.archive}`).href;
  const [{ from, to } = { from: '', to: '' }] = await mirror.rows<{ from: string; to: string }>(
    'SELECT min(snapshot) AS from, max(snapshot) AS to FROM directory.snapshots WHERE state = $1',
    ['archived'],
  );
  const diff = ['diff', mirror.poolId, from, to, '--json'];
  const [ofDatabase, ofArchive] = [
    await mirror.run(diff, KEYED),
    await mirror.run([...diff, '--archive', url], KEYED),
  ];
  expect(ofDatabase.code).toBe(0);
  expect(JSON.parse(ofArchive.stdout).changes).toEqual(JSON.parse(ofDatabase.stdout).changes);
  for (const more of [[], ['--archive', url]]) {
    const history = await mirror.run(['history', mirror.poolId, ana.username, ...more], KEYED);
    expect(history.code).not.toBe(0);
  }
  const { code, stdout } = await mirror.run(['ddl', 'duckdb'], KEYED);
  expect(code).toBe(0);
  expect(stdout).toMatch(/part-00000\.r2\.parquet/);
});
