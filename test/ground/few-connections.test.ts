import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPool, transaction } from '../../src/postgres/connection.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { expectMirrored } from '../support/directory.ts';
import { runSql } from '../support/postgres.ts';
import {
  type PostgresServer,
  postgresVersions,
  startPostgresServer,
} from '../support/postgres-server.ts';

/** What `sync` needs at least, by docs/OPERATIONS.md: one for its locks, and one for its work. */
const LEAST = 2;

let server: PostgresServer;
let mirror: CliMirror;
const sql = (text: string) => runSql(server.urlFor('postgres'), text);

beforeAll(async () => {
  const [programs] = await postgresVersions();
  server = await startPostgresServer(programs as Exclude<typeof programs, undefined>);
  mirror = await openCliMirror({ users: 1_500, groups: 40 });
  await sql('CREATE ROLE few LOGIN');
  await sql('ALTER DATABASE mirror OWNER TO few');
});
afterAll(async () => {
  await mirror?.close();
  await server?.close();
});

const env = () => ({ DATABASE_URL: server.urlFor('few') });

test(`sync works with ${LEAST} connections, and says that they are few`, async () => {
  await sql(`ALTER ROLE few CONNECTION LIMIT ${LEAST}`);
  const { code, stderr, reports } = await mirror.sync([], env());
  expect({ code, reports }).toMatchObject({ code: 0, reports: [{ state: 'archived' }] });
  expect(stderr).toMatch(/"connections":\d.*Postgres allows no more connections: using fewer/);
  const db = openPool(env().DATABASE_URL, 2);
  await expectMirrored(db, mirror.pool).finally(() => db.end());
});

test('a command waits for a connection that others have just now', async () => {
  await sql('ALTER ROLE few CONNECTION LIMIT 1');
  const other = openPool(env().DATABASE_URL, 1);
  await other.query('SELECT');
  const running = await mirror.start(['query', '--csv', 'SELECT 1 AS one'], env());
  await expect.poll(() => running.output.stderr).toContain('Postgres has no connection left');
  expect(running.child.exitCode).toBeNull();
  await other.end();
  expect(await running.result).toMatchObject({ code: 0, stdout: 'one\r\n1\r\n' });
});

test('a pool does all its work with one connection', async () => {
  await sql('ALTER ROLE few CONNECTION LIMIT 1');
  const db = openPool(env().DATABASE_URL, 10);
  const work = Array.from({ length: 30 }, (_, i) =>
    transaction(db, async (client) => (await client.query('SELECT $1::int AS i', [i])).rows[0]),
  );
  expect(await Promise.all(work)).toEqual(Array.from({ length: 30 }, (_, i) => ({ i })));
  await db.end();
});

test('each of several that wait for the first connection waits between tries, and says so', async () => {
  await sql('ALTER ROLE few CONNECTION LIMIT 1');
  const other = openPool(env().DATABASE_URL, 1);
  await other.query('SELECT');
  const lines: string[] = [];
  const log = createLogger({
    level: 'warn',
    destination: { write: (line: string) => void lines.push(line) },
  });
  const db = openPool(env().DATABASE_URL, 3, log);
  const work = Promise.all([1, 2, 3].map(() => db.query('SELECT')));
  await expect.poll(() => lines.length).toBe(3);
  expect(lines.join('')).toMatch(/(.*Postgres has no connection left: waiting.*\n){3}/);
  await other.end();
  await work;
  await db.end();
});
