import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ActionRequiredError, createMirror } from '../../src/index.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { serverPid } from '../support/embedded-server.ts';
import { setEnvironment } from '../support/environment.ts';
import { runSql } from '../support/postgres.ts';
import { postgresVersions, startPostgresServer } from '../support/postgres-server.ts';

/** What libpq and the driver take from the environment, each pointing somewhere else. */
const PG_VARIABLES = {
  PGHOST: '203.0.113.1',
  PGHOSTADDR: '203.0.113.1',
  PGPORT: '1',
  PGDATABASE: 'nowhere',
  PGUSER: 'nobody',
  PGPASSWORD: 'wrong',
  PGPASSFILE: '/dev/null',
  PGSERVICE: 'none',
  PGSERVICEFILE: '/dev/null',
  PGOPTIONS: '-c statement_timeout=1 -c no_such_setting=1',
  PGAPPNAME: 'cognito-mirror session',
  PGREPLICATION: 'database',
  PGSSLNEGOTIATION: 'direct',
  PGCLIENTENCODING: 'LATIN1',
  PGCLIENT_ENCODING: 'LATIN1',
  PGDATESTYLE: 'German',
  PGTZ: 'Pacific/Auckland',
  PGBINARY: 'true',
  PGCONNECT_TIMEOUT: '1',
  PGDATA: '/nowhere',
};

let mirror: CliMirror;
beforeEach(async () => {
  mirror = await openCliMirror({ users: 60, groups: 3 });
});
afterEach(() => mirror.close());

const archived = { code: 0, reports: [{ state: 'archived', users: 60 }] };

describe('PG* variables', () => {
  test('touch no embedded Postgres', async () => {
    const env = { DATABASE_URL: undefined, PGSSLMODE: 'require', ...PG_VARIABLES };
    expect(await mirror.sync([], env)).toMatchObject(archived);
    expect(await mirror.run(['status', '--json'], env)).toMatchObject({ code: 0 });
    const query = await mirror.run(['query', '--csv', 'SELECT count(*) FROM directory.users'], env);
    expect(query).toMatchObject({ code: 0, stdout: 'count\r\n60\r\n' });
    const home = join(mirror.folder, '.cognito-mirror');
    await expect.poll(() => serverPid(home)).toBeNull();
  });

  test('change nothing that DATABASE_URL says', async () => {
    expect(await mirror.sync([], PG_VARIABLES)).toMatchObject(archived);
    const tls = await mirror.run(['query', 'SELECT 1'], { PGSSLMODE: 'require' });
    expect(tls).toMatchObject({ code: 2 });
    expect(tls.stderr).toMatch(/the URL asks for TLS, which the server does not support/);
  });

  test('fill in what DATABASE_URL leaves out, whatever the names are', async () => {
    const [programs] = await postgresVersions();
    const server = await startPostgresServer(programs as Exclude<typeof programs, undefined>);
    const { hostname, port } = new URL(server.url);
    const [user, database] = ['u@ü: %41', 'd@b/ü:+ %41'];
    await runSql(server.url, `CREATE ROLE "${user}" LOGIN SUPERUSER`);
    await runSql(server.url, `CREATE DATABASE "${database}"`);
    const env = { PGHOST: hostname, PGPORT: port, PGUSER: user, PGDATABASE: database };
    const sync = await mirror
      .sync([], { ...env, DATABASE_URL: 'postgres://' })
      .finally(() => server.close());
    expect(sync).toMatchObject(archived);
  });

  test('supply the password, by themselves or in a file', async () => {
    const url = new URL(mirror.databaseUrl);
    const password = decodeURIComponent(url.password);
    url.password = '';
    const env = { DATABASE_URL: url.href };
    expect(await mirror.run(['migrate'], { ...env, PGPASSWORD: password })).toMatchObject({
      code: 0,
    });
    const file = join(mirror.folder, 'passwords');
    await writeFile(file, `${url.hostname}:${url.port}:*:*:${password}\n`, { mode: 0o600 });
    expect(await mirror.run(['migrate'], { ...env, PGPASSFILE: file })).toMatchObject({ code: 0 });
    const without = await mirror.run(['migrate'], env);
    expect(without).toMatchObject({ code: 2 });
    expect(without.stderr).toContain('the server asks for a password, and the URL has none.');
  });

  test('change nothing for a program that uses the library', async () => {
    const url = new URL(mirror.databaseUrl);
    const restore = setEnvironment({
      ...PG_VARIABLES,
      PGPASSWORD: decodeURIComponent(url.password),
    });
    url.password = '';
    const library = await createMirror({ databaseUrl: url.href, logger: 'silent' });
    try {
      const error = await library.migrate().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ActionRequiredError);
      expect((error as Error).message).toContain('the server asks for a password');
    } finally {
      await library.close();
      restore();
    }
  });
});

test('a server that was started for nothing is stopped', async () => {
  const home = join(mirror.folder, '.cognito-mirror');
  const env = { DATABASE_URL: undefined };
  expect(await mirror.run(['migrate'], env)).toMatchObject({ code: 0 });
  await expect.poll(() => serverPid(home)).toBeNull();
  const password = join(home, 'postgres/password');
  await rename(password, `${password}.kept`);
  await writeFile(password, 'wrong\n');
  expect((await mirror.run(['migrate'], env)).code).not.toBe(0);
  await expect.poll(() => serverPid(home)).toBeNull();
  await rename(`${password}.kept`, password);
});
