import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { runner } from 'node-pg-migrate';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it, test } from 'vitest';
import { openPool } from '../../src/postgres/connection.ts';
import { endRequest, openRequest, skipRequest } from '../../src/postgres/coordination/requests.ts';
import { readInstallationId } from '../../src/postgres/coordination/workers.ts';
import { migrate, requireMigrated } from '../../src/postgres/migrate.ts';
import { beginSnapshot } from '../../src/postgres/store/transitions.ts';
import { dropDatabase, runSql } from '../support/postgres.ts';
import { POOL } from './fixtures.ts';

let name: string;
let url: string;
const sql = (text: string) => runSql(url, text);
const schemas = async () => {
  const rows = await sql(
    `SELECT nspname AS name FROM pg_namespace WHERE nspname IN ('directory', 'mirror') ORDER BY 1`,
  );
  return rows.map((row) => row['name']);
};

beforeEach(async () => {
  name = `test_${randomBytes(8).toString('hex')}`;
  await runSql(inject('postgresUrl'), `CREATE DATABASE ${name}`);
  const own = new URL(inject('postgresUrl'));
  own.pathname = `/${name}`;
  url = own.href;
});
afterEach(() => dropDatabase(inject('postgresUrl'), name));

describe('schemas that belong to something else are refused before anything is made', () => {
  test.each([
    ['tables in directory', 'CREATE SCHEMA directory; CREATE TABLE directory.users (id int)'],
    ['a view in directory', 'CREATE SCHEMA directory; CREATE VIEW directory.v AS SELECT 1 AS x'],
    ['tables in mirror', 'CREATE SCHEMA mirror; CREATE TABLE mirror.runs (id int)'],
    [
      'another record of migrations',
      'CREATE SCHEMA mirror; CREATE TABLE mirror.migrations (version int)',
    ],
    [
      'migrations of another program',
      `CREATE SCHEMA mirror;
       CREATE TABLE mirror.migrations (id serial, name text, run_on timestamp);
       INSERT INTO mirror.migrations (name, run_on) VALUES ('20200101_create_foo', now())`,
    ],
  ])('%s', async (_, statements) => {
    await sql(statements);
    const before = await schemas();
    await expect(migrate(url)).rejects.toThrow(
      /^DATABASE_URL: schema `(directory|mirror)` of the database belongs to something else/,
    );
    expect(await schemas()).toEqual(before);
  });

  test('migrations of another program beside ours', async () => {
    await migrate(url);
    await sql(`INSERT INTO mirror.migrations (name, run_on) VALUES ('20200101_create_foo', now())`);
    await expect(migrate(url)).rejects.toThrow(/schema `mirror` .* belongs to something else/);
  });

  test('a schema directory without tables', async () => {
    await sql('CREATE SCHEMA directory');
    await expect(migrate(url)).rejects.toThrow(/has no tables.*DROP SCHEMA directory/);
    expect(await schemas()).toEqual(['directory']);
  });

  test('but a schema mirror without tables is filled', async () => {
    await sql('CREATE SCHEMA mirror');
    expect(await migrate(url)).toContain('0001_directory');
  });
});

describe('a mirror that was restored in part is named as such', () => {
  test.each([
    ['DROP SCHEMA mirror CASCADE', /not complete: the rows of mirror\.migrations missing/],
    ['DROP TABLE mirror.migrations', /not complete: the rows of mirror\.migrations missing/],
    ['TRUNCATE mirror.migrations', /not complete: the rows of mirror\.migrations missing/],
    ['DROP SCHEMA directory CASCADE', /not complete: directory\.pools, .* missing/],
    ['DROP TABLE mirror.user_hashes', /not complete: mirror\.user_hashes missing/],
    ['DROP VIEW directory.effective_roles', /not complete: directory\.effective_roles missing/],
  ])('%s', async (statement, message) => {
    await migrate(url);
    await sql(statement);
    const before = await schemas();
    await expect(migrate(url)).rejects.toThrow(message);
    await expect(migrate(url)).rejects.toThrow(/Restore schemas `directory` and `mirror` together/);
    expect(await schemas()).toEqual(before);
    const db = openPool(url, 1);
    await expect(requireMigrated(db).finally(() => db.end())).rejects.toThrow(message);
  });

  test('as is one without the name of its installation', async () => {
    await migrate(url);
    await sql('DELETE FROM mirror.installation');
    const db = openPool(url, 1);
    await expect(readInstallationId(db).finally(() => db.end())).rejects.toThrow(
      /INSERT INTO mirror\.installation DEFAULT VALUES/,
    );
  });
});

test('of many that migrate at once one does it', async () => {
  const applied = await Promise.all(Array.from({ length: 6 }, () => migrate(url)));
  expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
});

test('every table has a primary key', async () => {
  await migrate(url);
  const without = await sql(
    `SELECT c.oid::regclass::text AS name FROM pg_class AS c
     WHERE c.relnamespace IN ('directory'::regnamespace, 'mirror'::regnamespace)
       AND c.relkind = 'r'
       AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary)`,
  );
  expect(without).toEqual([]);
});

describe('on a promoted replica, whose sequences start again', () => {
  let db: pg.Pool;
  beforeEach(async () => {
    await migrate(url);
    db = openPool(url, 2);
  });
  afterEach(() => db.end());

  it('snapshots are begun', async () => {
    const begin = (pool: string) => beginSnapshot(db, pool);
    const stages = [];
    for (const pool of ['a', 'b', 'c']) stages.push((await begin(`${POOL}${pool}`)).lease.stage);
    await sql('ALTER SEQUENCE mirror.runs_stage_seq RESTART');
    const { lease } = await begin(POOL);
    expect(stages).not.toContain(lease.stage);
  });

  it('snapshots are requested and skipped', async () => {
    const ask = (pool: string) => openRequest(db, pool, 'trigger');
    for (const pool of ['a', 'b', 'c']) await ask(`${POOL}${pool}`);
    await sql('ALTER SEQUENCE mirror.requests_id_seq RESTART');
    const request = await ask(POOL);
    expect(request?.id).toBeGreaterThan(3);
    expect(await ask(POOL)).toBeNull();
    await sql('ALTER SEQUENCE mirror.requests_id_seq RESTART');
    while (!(await skipRequest(db, POOL)));
    await endRequest(db, request?.id ?? 0, 'done', null);
    expect(await ask(POOL)).not.toBeNull();
  });
});

/** Runs migrations the way that `migrate` does, but `count` of them, or back. */
async function runMigrations(direction: 'up' | 'down', count: number): Promise<void> {
  const noLog = () => {};
  await runner({
    databaseUrl: url,
    dir: 'migrations',
    direction,
    count,
    migrationsSchema: 'mirror',
    migrationsTable: 'migrations',
    createMigrationsSchema: true,
    logger: { debug: noLog, info: noLog, warn: noLog, error: noLog },
  });
}

const migrations = async () =>
  (await readdir('migrations')).map((file) => file.replace(/\.sql$/, '')).sort();

test('the record of migrations continues when its sequence restarts', async () => {
  const names = await migrations();
  await runMigrations('up', names.length - 1);
  await sql('ALTER SEQUENCE mirror.migrations_id_seq RESTART');
  expect(await migrate(url)).toEqual(names.slice(-1));
});

test('migrations can be undone and applied again', async () => {
  const names = await migrations();
  await migrate(url);
  await runMigrations('down', names.length);
  const left = await sql(
    `SELECT relname FROM pg_class WHERE relkind IN ('r', 'v')
       AND relnamespace::regnamespace::text IN ('directory', 'mirror')`,
  );
  expect(left).toEqual([{ relname: 'migrations' }]);
  expect(await migrate(url)).toEqual(names);
});

test('every table, view, column and function has a comment', async () => {
  await migrate(url);
  const without = await sql(
    `SELECT c.oid::regclass || coalesce('.' || a.attname, '') AS name FROM pg_class AS c
     LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
     WHERE c.relnamespace IN ('directory'::regnamespace, 'mirror'::regnamespace)
       AND c.relkind IN ('r', 'v') AND c.relname NOT IN ('migrations', 'history_starts')
       AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, a.attnum) IS NULL)
     UNION ALL
     SELECT p.oid::regprocedure::text FROM pg_proc AS p
     WHERE p.pronamespace IN ('directory'::regnamespace, 'mirror'::regnamespace)
       AND obj_description(p.oid, 'pg_proc') IS NULL`,
  );
  expect(without).toEqual([]);
});
