import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { runCli, startCli } from '../support/cli.ts';
import { createTestDatabase, runSql, type TestDatabase } from '../support/postgres.ts';
import { temporaryFolder } from '../support/temp.ts';

let database: TestDatabase;
let env: { DATABASE_URL: string };

beforeAll(async () => {
  database = await createTestDatabase();
  env = { DATABASE_URL: database.url };
  await runSql(
    database.url,
    `INSERT INTO directory.pools
       (pool_id, arn, account_id, region, estimated_users, custom_attributes, seen_at)
     VALUES ('us-east-1_A', 'arn:a', '1', 'us-east-1', 0, '{}', '2026-11-20T02:00:00.5Z')`,
  );
});

afterAll(() => database.drop());

/** Runs `query`, and expects it to be refused with one line of this form. */
async function expectRefused(sql: string, message: RegExp, ...options: string[]): Promise<void> {
  const { code, stdout, stderr } = await runCli(['query', sql, ...options], { env });
  expect({ code, stdout, lines: stderr.trim().split('\n').length }).toEqual({
    code: 2,
    stdout: '',
    lines: 1,
  });
  expect(stderr).toMatch(message);
}

describe('the program', () => {
  test('shows its commands and its version, with exit code 0', async () => {
    const help = await runCli(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const command of [
      'sync',
      'plan',
      'status',
      'list',
      'query',
      'db',
      'migrate',
      'simulator',
    ]) {
      expect(help.stdout).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
    }
    const version = await runCli(['--version']);
    expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  test.each([
    [[], /Usage/],
    [['sny'], /unknown command 'sny'[\s\S]*sync/],
    [['query'], /missing required argument 'sql'/],
    [['query', 'SELECT 1', '--xml'], /unknown option '--xml'/],
    [['query', 'SELECT 1', '--json', '--csv'], /cannot be used with/],
    [['migrate', 'now'], /too many arguments/],
    [['db', '--port', '1'], /unknown option '--port'/],
  ])('answers wrong usage %j with exit code 2 on standard error', async (args, message) => {
    const { code, stdout, stderr } = await runCli(args, { env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  test('lists every problem of the configuration, one a line, with exit code 2', async () => {
    const { code, stdout, stderr } = await runCli(['query', 'SELECT 1'], {
      env: { DATABASE_URL: 'mysql://u:hunter2@h/x', MIRROR_QOUTA_SHARE: '1', LOG_LEVEL: 'loud' },
    });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    const lines = stderr.trim().split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^cognito-mirror: [A-Z_]+: .+\. .+\.$/);
    expect(stderr).not.toContain('hunter2');
  });

  test.each([
    ['a port where nothing listens', { port: '1' }, /no server listens at this address/],
    ['a wrong password', { password: 'hunter2' }, /refuses this user or password/],
    ['a missing database', { pathname: '/none' }, /the database does not exist.*createdb/],
  ])('reports %s, with the remedy and without the password', async (_, change, message) => {
    const url = new URL(database.url);
    const { password } = url;
    Object.assign(url, change);
    const { code, stderr } = await runCli(['migrate'], { env: { DATABASE_URL: url.href } });
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('hunter2');
    expect(stderr).not.toContain(password);
  });
});

describe('help', () => {
  test('names the environment, the exit codes and the documentation', async () => {
    const { code, stdout } = await runCli(['--help'], { env });
    expect(code).toBe(0);
    for (const name of ['COGNITO_POOLS', 'DATABASE_URL', 'REDIS_URL', 'MIRROR_HOME']) {
      expect(stdout).toMatch(new RegExp(`^ {2}${name} +\\S`, 'm'));
    }
    for (const exit of ['0', '1', '2', '3', '130']) {
      expect(stdout).toMatch(new RegExp(`^ {2}${exit} +\\S`, 'm'));
    }
    const readme = /^Documentation: (.+)$/m.exec(stdout)?.[1] ?? '';
    expect(readFileSync(readme, 'utf8')).toMatch(/^# cognito-mirror\n/);
  });

  test('shows defaults as they are typed', async () => {
    const { stdout } = await runCli(['simulator', '--help'], { env });
    expect(stdout).toMatch(/\(default:\s+1000\)/);
    expect(stdout).not.toContain('default: "');
  });

  test('of an unknown command is an error that names it', async () => {
    for (const args of [['help', 'nope'], ['nope']]) {
      const { code, stdout, stderr } = await runCli(args, { env });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toBe("cognito-mirror: unknown command 'nope'\n(--help shows what it takes)\n");
    }
  });

  test('`version` is `--version`', async () => {
    const [word, option] = [await runCli(['version'], { env }), await runCli(['-V'], { env })];
    expect(word).toEqual(option);
    expect(word).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });
});

describe('query', () => {
  test.each([
    ['before its options', (sql: string) => ['query', sql, '--csv']],
    ['after its options', (sql: string) => ['query', '--csv', sql]],
    ['after two dashes', (sql: string) => ['query', '--csv', '--', sql]],
  ])('takes a statement that begins with a comment, %s', async (_, argsOf) => {
    const sql = '-- Which pools there are.\nSELECT pool_id FROM directory.pools';
    const { code, stdout, stderr } = await runCli(argsOf(sql), { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe('pool_id\r\nus-east-1_A\r\n');
  });

  test('finds the tables of schema directory by their names alone', async () => {
    const { code, stdout } = await runCli(['query', '--csv', 'SELECT pool_id FROM pools'], { env });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'pool_id\r\nus-east-1_A\r\n' });
  });

  test('reads the statement from standard input if it is -', async () => {
    const input = '-- of a file\nSELECT pool_id\nFROM pools';
    const { code, stdout } = await runCli(['query', '-', '--csv'], { env, input });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'pool_id\r\nus-east-1_A\r\n' });
    const empty = await runCli(['query', '-'], { env, input: ' \n' });
    expect(empty.code).toBe(2);
    expect(empty.stderr).toContain('the statement is empty');
  });

  test.each([
    ['DELETE FROM pools', /read-only transaction\. It only reads: use SELECT\./],
    ['\\\\d users', /a command of psql is not SQL\. .*psql with the URL/],
    ['--nothing', /unknown option '--nothing'/],
  ])('says what to do in place of %j', async (sql, message) => {
    const { code, stdout, stderr } = await runCli(['query', sql], { env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  test('prints a table with the number of rows', async () => {
    const { code, stdout } = await runCli(
      ['query', 'SELECT pool_id, seen_at, 1 AS n, NULL AS nothing FROM directory.pools'],
      { env },
    );
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        'pool_id     | seen_at                | n | nothing',
        '------------+------------------------+---+--------',
        'us-east-1_A | 2026-11-20T02:00:00.5Z | 1 | ',
        '(1 row)\n',
      ].join('\n'),
    );
  });

  test('prints one JSON document, in which nothing has changed its value', async () => {
    const { code, stdout, stderr } = await runCli(
      [
        'query',
        '--json',
        `SELECT 1 AS small, 9007199254740993 AS large, 1.50 AS exact, 0.5::float8 AS half,
                'NaN'::float8 AS none, true AS yes, NULL AS nothing, ARRAY['a,"b', NULL] AS list,
                '{"a": [1]}'::jsonb AS object, timestamptz '2026-11-20 02:00:00.123456+02' AS at,
                E'x\\u001b\\n' AS odd, DATE '2026-11-20' AS day`,
      ],
      { env },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual([
      {
        small: 1,
        large: '9007199254740993',
        exact: '1.50',
        half: 0.5,
        none: 'NaN',
        yes: true,
        nothing: null,
        list: ['a,"b', null],
        object: { a: [1] },
        at: '2026-11-20T00:00:00.123456Z',
        odd: 'x\u001b\n',
        day: '2026-11-20',
      },
    ]);
  });

  test('prints an empty result as an empty document, table and CSV', async () => {
    const sql = 'SELECT 1 AS a WHERE false';
    expect((await runCli(['query', sql, '--json'], { env })).stdout).toBe('[]\n');
    expect((await runCli(['query', sql], { env })).stdout).toBe('a\n-\n(0 rows)\n');
    expect((await runCli(['query', sql, '--csv'], { env })).stdout).toBe('a\r\n');
  });

  test('streams more rows than a batch, in order', async () => {
    const sql = 'SELECT n FROM generate_series(1, 2500) AS n';
    const json = await runCli(['query', sql, '--json'], { env });
    expect(JSON.parse(json.stdout)).toEqual(
      Array.from({ length: 2_500 }, (_, i) => ({ n: i + 1 })),
    );
    const csv = await runCli(['query', sql, '--csv'], { env });
    expect(csv.stdout.trim().split('\r\n')).toHaveLength(2_501);
    expect((await runCli(['query', sql], { env })).stdout).toMatch(/\n2500\n\(2,500 rows\)\n$/);
  });

  test('shows terminal escapes in data, and does not send them', async () => {
    const { stdout } = await runCli(['query', `SELECT E'\\u001b[2J\\u202e' AS x`], { env });
    expect(stdout).toContain('\\u001b[2J\\u202e');
    expect(stdout).not.toContain('\u001b');
  });

  test.each([
    ['SELECT nme FROM directory.pools', /column "nme" does not exist \(line 1, column 8\)/],
    ['SELECT 1\nFORM x y', /syntax error .*\(line 2, column/],
    ['SELECT 1; SELECT 2', /multiple commands/],
    ['DELETE FROM directory.pools', /read-only transaction/],
    ["UPDATE directory.pools SET name = 'x'", /read-only transaction/],
    ['CREATE TABLE x ()', /read-only transaction/],
    ['COPY (SELECT 1) TO STDOUT', /COPY cannot be run here/],
    ['SELECT 1/0', /division by zero/],
    [' ', /statement is empty/],
  ])('refuses %j with exit code 2 and says why', (sql, message) => expectRefused(sql, message));

  test('refuses two columns of one name, because an object can hold only one', () =>
    expectRefused('SELECT 1 AS a, 2 AS a', /two columns are named "a".*AS/, '--json'));

  test('asks for a sync first if nothing was mirrored yet', async () => {
    const url = new URL(database.url);
    const name = `${url.pathname.slice(1)}_empty`;
    await runSql(database.url, `CREATE DATABASE ${name}`);
    onTestFinished(async () => void (await runSql(database.url, `DROP DATABASE ${name}`)));
    url.pathname = `/${name}`;
    const { code, stderr } = await runCli(['query', 'SELECT * FROM directory.users'], {
      env: { DATABASE_URL: url.href },
    });
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^cognito-mirror: the database postgres:.*: nothing is mirrored there yet\..* sync POOL`/,
    );
  });

  test('stops at a signal with exit code 130, and the server stops the statement', async () => {
    const running = await startCli(['query', "SELECT pg_sleep(60), 'of-this-test'"], { env });
    const count = async () => {
      const [row] = await runSql(
        database.url,
        `SELECT count(*)::int AS n FROM pg_stat_activity
         WHERE query LIKE '%of-this-test%' AND state = 'active' AND pid <> pg_backend_pid()`,
      );
      return row?.n;
    };
    await expect.poll(count).toBe(1);
    running.child.kill('SIGINT');
    // As npm passes on what the terminal has sent already.
    running.child.kill('SIGINT');
    expect(await running.result).toMatchObject({ code: 130, stdout: '' });
    expect(running.output.stderr).toBe('cognito-mirror: Interrupted.\n');
    await expect.poll(count).toBe(0);
  });

  test('ends quietly when its reader has had enough', async () => {
    const running = await startCli(['query', 'SELECT generate_series(1, 10000000)', '--csv'], {
      env,
    });
    await expect.poll(() => running.output.stdout.length).toBeGreaterThan(0);
    running.child.stdout.destroy();
    expect(await running.result).toMatchObject({ code: 0, stderr: '' });
  });
});

test('migrate prints what it applied, and then that nothing is left', async () => {
  const { path, remove } = await temporaryFolder();
  onTestFinished(remove);
  const home = { MIRROR_HOME: path };
  const first = await runCli(['migrate', '--json'], { env: home });
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(first.stdout).applied).toContain('0001_directory');
  const second = await runCli(['migrate'], { env: home });
  expect(second).toMatchObject({ code: 0, stdout: 'The schema is up to date.\n' });
});

describe('db', () => {
  test('prints the URL first and keeps the server up until it is stopped', async () => {
    const { path, remove } = await temporaryFolder();
    onTestFinished(remove);
    const running = await startCli(['db'], { env: { MIRROR_HOME: path } });
    onTestFinished(() => void running.child.kill('SIGKILL'));
    await expect.poll(() => running.output.stdout).toMatch(/^postgres:\/\/.*\n$/);
    const url = running.output.stdout.trim();
    expect(await runSql(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    running.child.kill('SIGINT');
    expect(await running.result).toMatchObject({ code: 0 });
    await expect(runSql(url, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED/);
  });

  test('refuses if DATABASE_URL is set, and says why', async () => {
    const { code, stdout, stderr } = await runCli(['db'], { env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/DATABASE_URL: is set, so the mirror has no embedded Postgres/);
  });
});
