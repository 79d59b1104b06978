import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ensureBuilt } from '../../scripts/lib/build.mjs';
import { ActionRequiredError, InterruptedError } from '../../src/model/errors.ts';
import { openEmbeddedPostgres } from '../../src/postgres/embedded/open.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { serverPid, stopServer } from '../support/embedded-server.ts';
import { temporaryFolder } from '../support/temp.ts';

const USER_PROCESS = fileURLToPath(new URL('./user-process.mjs', import.meta.url));

/** A home with a database and no server, which the tests that need nothing newer use in turn. */
let home: string;
let removeHome: () => Promise<void>;

beforeAll(async () => {
  await ensureBuilt();
  ({ path: home, remove: removeHome } = await temporaryFolder());
  await (await openEmbeddedPostgres(home)).close();
});

afterEach(() => stopServer(home));
afterAll(() => removeHome());

/** A home of a test's own, without a database. */
async function makeHome(): Promise<string> {
  const { path, remove } = await temporaryFolder();
  onTestFinished(async () => {
    await stopServer(path);
    await remove();
  });
  return path;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Another process that uses the server; `ready` gives its URL, `end` its exit code. */
function startUser(home: string, stay: string, detached = false) {
  const child: ChildProcessWithoutNullStreams = spawn(
    process.execPath,
    [USER_PROCESS, home, stay],
    { detached },
  );
  const errors: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const ready = new Promise<string>((resolve) => {
    child.stdout.setEncoding('utf8').once('data', (text: string) => resolve(text.trim()));
  });
  const end = new Promise<string>((resolve) => {
    child.on('close', (code, signal) => resolve(`${signal ?? code} ${errors.join('')}`.trim()));
  });
  return { child, ready, end };
}

test('a server that does not start shows the end of its log, line by line', async () => {
  const own = await makeHome();
  await (await openEmbeddedPostgres(own)).close();
  const settings = join(own, 'postgres/data/postgresql.conf');
  await writeFile(settings, 'no_such_setting = on\n', { flag: 'a' });
  const failure = await openEmbeddedPostgres(own).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ActionRequiredError);
  const [problem] = (failure as ActionRequiredError).problems;
  expect(problem?.problem).toBe(`the server of ${join(own, 'postgres')} does not start.`);
  expect(problem?.remedy).toContain(join(own, 'postgres/server.log'));
  expect(problem?.output?.join('\n')).toMatch(/unrecognized configuration parameter/);
  for (const line of problem?.output ?? []) expect(line).not.toContain('\n');
  expect(await serverPid(own)).toBeNull();
});

test('the first to open makes the database, and the last to leave stops the server', async () => {
  const home = await makeHome();
  const first = await openEmbeddedPostgres(home);
  const second = await openEmbeddedPostgres(home);
  expect(second.url).toBe(first.url);
  await first.close();
  await first.close();
  expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await second.close();
  expect(await serverPid(home)).toBeNull();
  expect(readdirSync(home)).toEqual(['postgres']);
});

test('the server is durable, in UTF-8 with the C locale, on loopback alone, and its owner no superuser', async () => {
  const postgres = await openEmbeddedPostgres(home);
  onTestFinished(() => postgres.close());
  expect(
    await query(
      postgres.url,
      `SELECT current_setting('fsync') AS fsync, current_setting('listen_addresses') AS listens,
                            current_setting('server_encoding') AS encoding, current_setting('TimeZone') AS zone,
              (SELECT datcollate FROM pg_database WHERE datname = current_database()) AS locale,
              current_database() AS name, current_user AS role,
              (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super`,
    ),
  ).toEqual([
    {
      fsync: 'on',
      listens: '127.0.0.1',
      encoding: 'UTF8',
      zone: 'UTC',
      locale: 'C',
      name: 'cognito_mirror',
      role: 'cognito_mirror',
      super: false,
    },
  ]);
  const wrong = new URL(postgres.url);
  wrong.password = 'wrong';
  await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
  expect((await stat(join(home, 'postgres/password'))).mode & 0o777).toBe(0o600);
  expect((await stat(join(home, 'postgres/data'))).mode & 0o777).toBe(0o700);
});

test("neither statements nor values reach the server's log", async () => {
  const postgres = await openEmbeddedPostgres(home);
  await query(postgres.url, 'CREATE TABLE people (name text PRIMARY KEY)');
  const twice = "INSERT INTO people VALUES ('marker-of-mine'), ('marker-of-mine')";
  await expect(query(postgres.url, twice)).rejects.toThrow(/duplicate key/);
  await expect(query(postgres.url, "SELECT 'marker-of-mine'::int")).rejects.toThrow(
    /invalid input/,
  );
  await postgres.close();
  const log = await readFile(join(home, 'postgres/server.log'), 'utf8');
  expect(log).toContain('ready to accept connections');
  expect(log).not.toContain('marker-of-mine');
});

test('many processes at once share one server, round after round, and leave none behind', async () => {
  const home = await makeHome();
  for (const round of [1, 2, 3]) {
    const users = Array.from({ length: 8 }, (_, i) => startUser(home, String(i * 20 * round)));
    expect(await Promise.all(users.map(({ end }) => end))).toEqual(users.map(() => '0'));
    expect(await serverPid(home)).toBeNull();
  }
  const postgres = await openEmbeddedPostgres(home);
  expect(await query(postgres.url, 'SELECT count(*)::int AS visits FROM visits')).toEqual([
    { visits: 24 },
  ]);
  await postgres.close();
});

test('a server that outlived its killed users is joined, and stopped by the next to leave', async () => {
  const user = startUser(home, 'hold', true);
  const url = await user.ready;
  const pid = await serverPid(home);
  // The whole process group, as Ctrl-C or a closed terminal reaches it.
  process.kill(-(user.child.pid ?? 0), 'SIGKILL');
  expect(await user.end).toBe('SIGKILL');
  const postgres = await openEmbeddedPostgres(home);
  expect(postgres.url).toBe(url);
  expect(await serverPid(home)).toBe(pid);
  await postgres.close();
  expect(await serverPid(home)).toBeNull();
});

test('a server with a session of another client is left running', async () => {
  const first = await openEmbeddedPostgres(home);
  const psql = new Client({ connectionString: first.url });
  await psql.connect();
  await first.close();
  expect((await psql.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  const second = await openEmbeddedPostgres(home);
  await psql.end();
  await second.close();
  expect(await serverPid(home)).toBeNull();
});

test('after the server itself was killed, the next to open starts it again with what was committed', async () => {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const log = createLogger({ level: 'debug', destination: { write } });
  const first = await openEmbeddedPostgres(home, undefined, log);
  await query(first.url, 'CREATE TABLE kept AS SELECT 1 AS one');
  const backends = await query(
    first.url,
    `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'`,
  );
  process.kill((await serverPid(home)) ?? 0, 'SIGKILL');
  // Its children end as they notice it.
  await expect.poll(() => backends.filter(({ pid }) => isAlive(Number(pid)))).toEqual([]);
  await first.close();
  expect(lines.join()).toContain('could not see who uses the embedded Postgres');
  const second = await openEmbeddedPostgres(home);
  expect(await query(second.url, 'SELECT one FROM kept')).toEqual([{ one: 1 }]);
  await second.close();
});

test.each(['this process', 'a stranger', 'no process'])(
  "a dead server's file that names %s does not hinder a start",
  async (whose) => {
    await (await openEmbeddedPostgres(home)).close();
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    onTestFinished(() => void stranger.kill());
    const pid = { 'this process': process.pid, 'a stranger': stranger.pid }[whose] ?? 4_194_303;
    const data = join(home, 'postgres/data');
    const lines = [pid, data, 1_700_000_000, 5432, '', '127.0.0.1', '', 'ready   ', ''];
    await writeFile(join(data, 'postmaster.pid'), lines.join('\n'));
    const postgres = await openEmbeddedPostgres(home);
    expect(await query(postgres.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await postgres.close();
  },
);

test('an interrupted first start leaves nothing half, and what it left is cleared away', async () => {
  const home = await makeHome();
  await mkdir(join(home, 'postgres.new-leftover/data'), { recursive: true });
  const controller = new AbortController();
  const opening = openEmbeddedPostgres(home, controller.signal);
  await expect
    .poll(() => readdirSync(home).some((name) => /^postgres\.new-(?!leftover)/.test(name)))
    .toBe(true);
  controller.abort();
  await expect(opening).rejects.toBeInstanceOf(InterruptedError);
  expect(existsSync(join(home, 'postgres'))).toBe(false);
  expect(readdirSync(home)).toEqual([]);
  const postgres = await openEmbeddedPostgres(home);
  await postgres.close();
  expect(readdirSync(home)).toEqual(['postgres']);
});

test('a home that cannot be made is a problem with its remedy', async () => {
  const { path, remove } = await temporaryFolder();
  onTestFinished(remove);
  await writeFile(join(path, 'file'), '');
  const opening = openEmbeddedPostgres(join(path, 'file/home'));
  await expect(opening).rejects.toBeInstanceOf(ActionRequiredError);
  await expect(opening).rejects.toThrow(/cannot be made or written.*MIRROR_HOME.*DATABASE_URL/);
});
