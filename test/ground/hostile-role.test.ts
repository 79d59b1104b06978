import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPool } from '../../src/postgres/connection.ts';
import { type CliMirror, filesBelow, openCliMirror } from '../support/cli-mirror.ts';
import { expectMirrored } from '../support/directory.ts';
import { runSql } from '../support/postgres.ts';
import {
  type PostgresServer,
  postgresVersions,
  startPostgresServer,
} from '../support/postgres-server.ts';

/** Whatever a role's defaults can break: forms, limits, isolation, rights, plans. */
const DEFAULTS: Readonly<Record<string, string>> = {
  DateStyle: "'German'",
  IntervalStyle: "'sql_standard'",
  TimeZone: "'Pacific/Auckland'",
  client_encoding: "'LATIN1'",
  standard_conforming_strings: 'off',
  backslash_quote: 'off',
  array_nulls: 'off',
  bytea_output: "'escape'",
  extra_float_digits: '-15',
  transform_null_equals: 'on',
  quote_all_identifiers: 'on',
  xmloption: "'document'",
  lc_messages: "'C'",
  statement_timeout: "'20ms'",
  lock_timeout: "'5ms'",
  idle_session_timeout: "'300ms'",
  idle_in_transaction_session_timeout: "'20ms'",
  transaction_timeout: "'50ms'",
  default_transaction_isolation: "'serializable'",
  default_transaction_read_only: 'on',
  default_transaction_deferrable: 'on',
  default_table_access_method: "'strange'",
  restrict_nonsystem_relation_kind: "'view'",
  row_security: 'off',
  plan_cache_mode: "'force_generic_plan'",
  client_min_messages: "'debug5'",
  jit: 'on',
  jit_above_cost: '0',
  work_mem: "'64kB'",
  maintenance_work_mem: "'1MB'",
  synchronous_commit: 'off',
  default_statistics_target: '1',
  application_name: "'of the role'",
  search_path: 'hostile, pg_catalog, public',
};

/** What answers in the place of Postgres's own, for those who do not say whose they mean. */
const SHADOWS = [
  'md5(text) RETURNS text',
  'now() RETURNS timestamptz',
  'clock_timestamp() RETURNS timestamptz',
  'date_trunc(text, timestamptz) RETURNS timestamptz',
  'hashtext(text) RETURNS int',
  'hashtextextended(text, bigint) RETURNS bigint',
  'pg_backend_pid() RETURNS int',
  'pg_try_advisory_lock(int, int) RETURNS boolean',
  'set_config(text, text, boolean) RETURNS text',
  'current_setting(text) RETURNS text',
  'current_setting(text, boolean) RETURNS text',
  'to_regclass(text) RETURNS regclass',
  'to_char(timestamp, text) RETURNS text',
  'jsonb_typeof(jsonb) RETURNS text',
  'lower(text) RETURNS text',
  'text_equal(text, text) RETURNS boolean',
].map(
  (head) =>
    `CREATE FUNCTION hostile.${head} LANGUAGE plpgsql AS $$ BEGIN RAISE 'of somebody else'; END $$`,
);

/** The superuser makes the role, its schema and its defaults: those that the version knows. */
async function makeHostile(server: PostgresServer): Promise<void> {
  const own = server.urlFor('postgres');
  const sql = (text: string) => runSql(own, text);
  await sql('CREATE ROLE hostile LOGIN');
  await sql('ALTER DATABASE mirror OWNER TO hostile');
  await sql('CREATE SCHEMA hostile AUTHORIZATION hostile');
  await sql('CREATE ACCESS METHOD strange TYPE TABLE HANDLER heap_tableam_handler');
  for (const statement of SHADOWS) await sql(statement);
  await sql(`CREATE OPERATOR hostile.= (
    LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.text_equal)`);
  for (const [name, value] of Object.entries(DEFAULTS)) {
    const known = await sql(`SELECT current_setting('${name}', true) AS value`);
    if (known[0]?.['value'] != null) await sql(`ALTER ROLE hostile SET ${name} = ${value}`);
  }
}

describe.each(await postgresVersions())(
  'on Postgres $version, a role with hostile defaults',
  (programs) => {
    let server: PostgresServer;
    let mirror: CliMirror;
    let env: { DATABASE_URL: string };

    beforeAll(async () => {
      server = await startPostgresServer(programs);
      await makeHostile(server);
      mirror = await openCliMirror({ users: 400, groups: 20 });
      env = { DATABASE_URL: server.urlFor('hostile') };
    });
    afterAll(async () => {
      await mirror?.close();
      await server?.close();
    });

    const expectState = async () => {
      const db = openPool(env.DATABASE_URL, 2);
      await expectMirrored(db, mirror.pool).finally(() => db.end());
    };
    const query = (sql: string) => mirror.run(['query', '--json', sql], env);

    test('mirrors a pool, and its changes', async () => {
      expect(await mirror.sync([], env)).toMatchObject({
        code: 0,
        reports: [{ state: 'archived', users: 400, added: 400 }],
      });
      await expectState();

      const [gone, changed] = [...mirror.pool.users()].map(({ username }) => username);
      mirror.pool.deleteUser(gone as string);
      mirror.pool.updateAttributes(changed as string, { name: 'It\\\'s "new"' });
      mirror.pool.createUser({
        username: 'new',
        attributes: { identities: '[{"userId":"1","primary":"true"}]' },
      });
      expect(await mirror.sync([], env)).toMatchObject({
        code: 0,
        reports: [{ state: 'archived', added: 1, modified: 1, removed: 1 }],
      });
      await expectState();
      const files = await filesBelow(mirror.archive);
      expect(files.filter((path) => path.startsWith('manifests/'))).toHaveLength(2);
    });

    test('shows its status in times of ISO 8601', async () => {
      const { code, stdout } = await mirror.run(['status', '--json'], env);
      expect(code).toBe(0);
      const { snapshots } = JSON.parse(stdout) as { snapshots: { snapshotAt: string }[] };
      expect(snapshots).toHaveLength(2);
      for (const { snapshotAt } of snapshots) expect(snapshotAt).toMatch(/^20\d\d-\d\d-\d\dT.*Z$/);
    });

    test('is queried, by the role’s own search path', async () => {
      await runSql(
        server.urlFor('postgres'),
        `CREATE VIEW hostile.mine AS SELECT true AS own;
       GRANT SELECT ON hostile.mine TO hostile`,
      );
      const { code, stdout, stderr } = await query(
        `SELECT i.user_id, i.is_primary, s.snapshot_at, pg_sleep(0.1) IS NULL AS slept,
         ARRAY['a', NULL] AS list, 0.1::float8 + 0.2 AS sum, '\\x01'::bytea AS bytes, mine.own
       FROM directory.identities AS i, mine, directory.snapshots AS s WHERE i.username LIKE 'new'
       ORDER BY s.snapshot_at LIMIT 1`,
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(JSON.parse(stdout)).toEqual([
        {
          user_id: '1',
          is_primary: true,
          snapshot_at: expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
          slept: false,
          list: ['a', null],
          sum: 0.30000000000000004,
          bytes: '\\x01',
          own: true,
        },
      ]);
      const written = await query('CREATE TABLE hostile.x ()');
      expect(written).toMatchObject({ code: 2, stdout: '' });
      expect(written.stderr).toMatch(/read-only transaction/);
    });
  },
);
