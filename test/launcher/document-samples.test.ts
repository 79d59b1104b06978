import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OFFLINE } from '../archive/support.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { HASH_KEY } from '../support/privacy.ts';

/** The pool that the documents use. */
const POOL = 'us-east-1_Ab12Cd34';
/** The snapshots that the documents name, the earlier first. */
const NAMED = ['20261128T094552Z', '20261128T094608Z'];

let mirror: CliMirror;
let synced: unknown;
/** The two snapshots of the mirror, the earlier first. */
let taken: string[];

beforeAll(async () => {
  mirror = await openCliMirror({ pools: [POOL], users: 60, groups: 5 });
  // The first one keeps settings, and the manifest of the second one is the common kind.
  await mirror.sync([], { MIRROR_POOL_SETTINGS: 'true', MIRROR_HASH_KEY: HASH_KEY });
  const [username = ''] = (
    await mirror.rows<{ username: string }>('SELECT username FROM directory.users LIMIT 1')
  ).map((row) => row.username);
  mirror.pool.deleteUser(username);
  synced = JSON.parse((await mirror.sync()).stdout);
  const rows = await mirror.rows<{ snapshot: string }>(
    'SELECT snapshot FROM directory.snapshots ORDER BY snapshot_at',
  );
  taken = rows.map(({ snapshot }) => snapshot);
  expect(taken).toHaveLength(2);
});
afterAll(() => mirror.close());

function read(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), 'utf8');
}

/** The blocks of a language in a document, about the snapshots of this mirror. */
function samples(name: string, language: string): string[] {
  const [first = '', second = ''] = taken;
  const blocks = read(name).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'));
  return [...blocks].map(([, block = '']) =>
    block
      .replaceAll(NAMED[0] ?? '', first)
      .replaceAll(NAMED[1] ?? '', second)
      .replace(/'2026-11-28T09:46:00Z'/g, 'now()'),
  );
}

const statements = (block: string) => block.split(/;\s*$/m).filter((text) => /\w/.test(text));

test('every query in docs/TABLES.md runs', async () => {
  const queries = samples('docs/TABLES.md', 'sql').flatMap(statements);
  expect(queries.length).toBeGreaterThan(5);
  for (const query of queries) await mirror.rows(query);
  const [removed] = await mirror.rows<{ username: string }>(queries[1] ?? '');
  expect(removed?.username).toBeDefined();
});

test('docs/TABLES.md lists the columns of every table and view, and shows every view', async () => {
  const found = await mirror.rows<{ name: string; kind: string; columns: string[] }>(
    `SELECT c.relname AS name, c.relkind AS kind,
       array_agg(a.attname::text ORDER BY a.attnum) AS columns
     FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
     WHERE c.relnamespace = 'directory'::regnamespace AND c.relkind IN ('r', 'v')
     GROUP BY c.oid`,
  );
  expect(found.length).toBeGreaterThan(20);
  const text = read('docs/TABLES.md');
  const [, sections = ''] = text.split('\n## Columns\n');
  const examples = samples('docs/TABLES.md', 'sql').join();
  for (const { name, kind, columns } of found) {
    if (name.endsWith('_history')) continue;
    const row = sections.split('\n').find((line) => line.startsWith(`| \`${name}\` |`)) ?? '';
    const documented = columns.filter((column) => new RegExp(`\\b${column}\\b`).test(row));
    expect([name, documented]).toEqual([name, columns]);
    if (kind === 'v') expect(examples).toMatch(new RegExp(`directory\\.${name}\\b`));
  }
});

test('`query` finds every view without its schema', async () => {
  const views = await mirror.rows<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = 'directory'::regnamespace AND relkind = 'v'`,
  );
  const counts = views.map(({ name }) => `(SELECT count(*) FROM ${name}) AS ${name}`);
  const { code, stderr } = await mirror.run(['query', `SELECT ${counts.join(', ')}`]);
  expect([code, stderr]).toEqual([0, '']);
});

test('every query in docs/ARCHIVE.md runs in DuckDB, after the statements of `ddl`', async () => {
  const queries = samples('docs/ARCHIVE.md', 'sql').flatMap(statements);
  expect(queries.length).toBeGreaterThan(2);
  const { code, stdout } = await mirror.run(['ddl', 'duckdb']);
  expect(code).toBe(0);
  const instance = await DuckDBInstance.create(':memory:', OFFLINE);
  const connection = await instance.connect();
  try {
    for (const query of [...statements(stdout), ...queries]) await connection.run(query);
    const gone = await connection.runAndReadAll(queries[2] ?? '');
    expect(gone.currentRowCount).toBe(1);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
});

test('the commands in docs/ARCHIVE.md verify an archive', (context) => {
  const [script = ''] = samples('docs/ARCHIVE.md', 'sh');
  try {
    execFileSync('jq', ['--version']);
  } catch {
    context.skip('jq is not installed');
  }
  const output = execFileSync('bash', ['-euc', script], { cwd: mirror.archive, encoding: 'utf8' });
  const lines = output.trim().split('\n');
  expect(lines.slice(0, -2).every((line) => line.endsWith(': OK'))).toBe(true);
  expect(lines.at(-1)).toContain(lines.at(-2));
});

test('the manifest in docs/ARCHIVE.md has the fields of a real one', () => {
  const [documented = '{}'] = samples('docs/ARCHIVE.md', 'json');
  const path = `${mirror.archive}/manifests/pool_id=${POOL}/${taken[1]}.json`;
  expect(keysOf(JSON.parse(documented))).toEqual(keysOf(JSON.parse(readFileSync(path, 'utf8'))));
});

/** Every name in a JSON value, sorted. */
function keysOf(value: unknown): string[] {
  const keys = new Set<string>();
  const collect = (each: unknown): void => {
    if (typeof each !== 'object' || each === null) return;
    if (!Array.isArray(each)) for (const key of Object.keys(each)) keys.add(key);
    for (const inner of Object.values(each)) collect(inner);
  };
  collect(value);
  return [...keys].sort();
}

/** The names in the form that docs/COMMANDS.md gives for a command's JSON, sorted. */
function documentedKeys(heading: string): string[] {
  const text = read('docs/COMMANDS.md');
  const section = text.slice(text.indexOf(`\n### ${heading}\n`)).split(/\n#+ /)[1] ?? '';
  const form = section.split('\n').filter((line) => line.startsWith('    '));
  return [...new Set([...form.join('').matchAll(/"(\w+)"/g)].map(([, key = '']) => key))].sort();
}

test('docs/COMMANDS.md has the JSON of `sync`', () => {
  expect(documentedKeys('sync, release, discard')).toEqual(keysOf(synced));
});

test.each([
  ['plan', ['plan', '--json']],
  ['status --check', ['status', '--check', '--json']],
])('docs/COMMANDS.md has the JSON of `%s`', async (heading, args) => {
  const { code, stdout } = await mirror.run(args);
  expect(code).toBe(0);
  // A value that is null here may be an object elsewhere.
  expect(documentedKeys(heading)).toEqual(expect.arrayContaining(keysOf(JSON.parse(stdout))));
  expect(keysOf(JSON.parse(stdout)).length).toBeGreaterThan(5);
});

test('docs/COMMANDS.md has the JSON of `status`', async () => {
  const { stdout } = await mirror.run(['status', '--json']);
  const keys = keysOf(JSON.parse(stdout));
  expect(documentedKeys('status')).toEqual(expect.arrayContaining(keys));
  expect(keys.length).toBeGreaterThan(25);
});
