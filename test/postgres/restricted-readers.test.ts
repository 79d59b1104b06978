import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SimulatedPool } from '../../src/simulator/pool.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { restrictedReaderSql, rolesSql, statementsOf } from '../support/documented-sql.ts';
import { runSql } from '../support/postgres.ts';
import {
  type PostgresServer,
  postgresVersions,
  startPostgresServer,
} from '../support/postgres-server.ts';
import { HASH_KEY } from '../support/privacy.ts';

const OWN = 'us-east-1_Own';
const OTHER = 'us-east-1_Other';

/** What fills every relation of `directory`, before the first snapshot. */
function fill(pool: SimulatedPool): void {
  pool.createGroup('admins', { precedence: 1, roleArn: 'arn:aws:iam::123456789012:role/Admin' });
  pool.createGroup('staff', { precedence: 2 });
  for (const username of ['ann', 'bob', 'carol', 'dave', 'eve']) {
    pool.createUser({
      username,
      status: username === 'eve' ? 'UNCONFIRMED' : 'CONFIRMED',
      attributes: { email: `${username}@example.com`, email_verified: 'true', 'custom:team': 'a' },
    });
  }
  pool.updateAttributes('bob', { email: 'ann@example.com' });
  for (const username of ['ann', 'bob', 'carol']) pool.addToGroup(username, 'staff');
  pool.addToGroup('ann', 'admins');
  const linked = [{ userId: '1', providerName: 'Google', providerType: 'Google', primary: false }];
  pool.updateAttributes('ann', { identities: JSON.stringify(linked) });
}

/** What gives every relation of the history rows. */
function change(pool: SimulatedPool): void {
  pool.updateAttributes('carol', { name: 'Carol' });
  pool.deleteUser('dave');
  pool.createUser({ username: 'dave', status: 'CONFIRMED' });
  pool.removeFromGroup('carol', 'staff');
  pool.updateGroup('staff', { description: 'Everybody' });
  pool.configuration.tags.set('team', 'another');
}

describe.each(await postgresVersions())('on Postgres $version', (programs) => {
  let server: PostgresServer;
  let mirror: CliMirror;
  const sql = (role: string, text: string, values: unknown[] = []) =>
    runSql(server.urlFor(role), text, values);
  const run = (role: string, ...args: string[]) =>
    mirror.run(args, {
      DATABASE_URL: server.urlFor(role),
      MIRROR_MFA: 'true',
      MIRROR_POOL_SETTINGS: 'true',
      MIRROR_HASH_KEY: HASH_KEY,
    });
  const version = async () =>
    Number((await sql('postgres', 'SHOW server_version_num'))[0]?.['server_version_num']);

  /** The relations that readers can select from. */
  async function relations(): Promise<string[]> {
    const found = await sql(
      'mirror_owner',
      `SELECT c.oid::regclass::text AS name FROM pg_class AS c
       WHERE c.relnamespace = 'directory'::regnamespace
         AND c.relkind NOT IN ('i', 'I', 'c', 't', 'S') ORDER BY 1`,
    );
    return found.map(({ name }) => name as string);
  }

  /** The rows of a relation that a role sees, as sorted texts. */
  async function rowsOf(role: string, from: string, condition = 'true'): Promise<string[]> {
    const rows = await sql(
      role,
      `SELECT to_jsonb(t)::text AS text FROM ${from} AS t WHERE ${condition} ORDER BY 1`,
    );
    return rows.map(({ text }) => text as string);
  }

  /**
   * The plans of a role for every relation, and for the lookups of `history`. The order of the conditions
   * of a step is no part of them. Without scans, small tables have the plans of large ones.
   */
  async function plansOf(role: string): Promise<string[]> {
    const url = `${server.urlFor(role)}?options=-c%20enable_seqscan%3Doff`;
    const own = (await relations()).map((name) => `${name} WHERE pool_id = '${OWN}'`);
    const lookups = [
      `username = 'ann'`,
      `sub = 'x'`,
      `"left"(lower(email), 320) COLLATE "C" = "left"(lower('X'), 320) AND lower(email) = 'x'`,
      `attributes ->> 'identities' LIKE '%"primary"%false%'
         AND directory.identity_names(attributes) && ARRAY['Google_1']`,
    ].map((condition) => `directory.users WHERE pool_id = '${OWN}' AND ${condition}`);
    const plans: string[] = [];
    for (const from of [...own, ...lookups]) {
      const lines = await runSql(url, `EXPLAIN (COSTS OFF) SELECT * FROM ${from}`);
      for (const line of lines) {
        const conditions = String(line['QUERY PLAN']).replaceAll(/[()]/g, '').split(' AND ');
        plans.push(`${from}: ${conditions.sort().join(' AND ')}`);
      }
    }
    return plans;
  }

  const refusalOf = (role: string, text: string) =>
    sql(role, text).then(
      () => 'nothing',
      (error: Error) => error.message,
    );
  const restrict = (...pools: string[]) =>
    sql('mirror_owner', 'SELECT directory.restrict_reader($1, VARIADIC $2)', ['team_a', pools]);

  beforeAll(async () => {
    server = await startPostgresServer(programs);
    const { roles, grants } = rolesSql();
    // The database is there already.
    const made = statementsOf(roles).filter((each) => !each.includes('CREATE DATABASE'));
    const { role } = restrictedReaderSql();
    for (const statement of [...made, ...statementsOf(role)]) await runSql(server.url, statement);
    mirror = await openCliMirror({ pools: [OWN, OTHER], users: 0, groups: 0 });
    const pools = [...mirror.simulator.pools.values()];
    for (const pool of pools) fill(pool);
    const sync = () => run('mirror_owner', 'sync', '--json', OWN, OTHER);
    expect(await sync()).toMatchObject({ code: 0 });
    for (const pool of pools) change(pool);
    expect(await sync()).toMatchObject({ code: 0 });
    const [least = '', since17 = ''] = grants;
    await sql('mirror_owner', least);
    if ((await version()) >= 170_000) await sql('mirror_owner', since17);
  });
  afterAll(async () => {
    await mirror?.close();
    await server?.close();
  });

  test('what does not work is refused with the reason', async () => {
    if ((await version()) < 150_000) {
      expect(
        await refusalOf('mirror_owner', `SELECT directory.restrict_reader('team_a', '${OWN}')`),
      ).toMatch(/need Postgres 15/);
      return;
    }
    const refusal = (name: string) =>
      refusalOf('mirror_owner', `SELECT directory.restrict_reader('${name}', '${OWN}')`);
    expect(await refusal('nobody')).toBe('The role nobody does not exist.');
    expect(await refusal('postgres')).toMatch(/cannot be restricted: it is a superuser/);
    expect(await refusal('mirror_owner')).toMatch(/has the rights of the owner/);
    expect(
      await refusalOf('mirror_reader', `SELECT directory.restrict_reader('team_a', '${OWN}')`),
    ).toMatch(/permission denied/);
    expect(await refusal('team_a')).toBe(
      'These roles write snapshots and do not bypass row-level security: mirror_worker.',
    );
    await sql('postgres', 'ALTER ROLE mirror_worker BYPASSRLS');
  });

  test('a restricted reader sees its pools alone, in every relation', async () => {
    if ((await version()) < 150_000) return;
    const before = await plansOf('mirror_reader');
    const documented = restrictedReaderSql().restrict;
    await sql('mirror_owner', documented.replace('us-east-1_Ab12Cd34', OWN));
    const names = await relations();
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) {
      const own = await rowsOf('mirror_owner', name, `t.pool_id = '${OWN}'`);
      const others = await rowsOf('mirror_owner', name, `t.pool_id = '${OTHER}'`);
      // Without rows of both, nothing would be shown.
      expect({ name, own: own.length > 0, others: others.length > 0 }).toEqual({
        name,
        own: true,
        others: true,
      });
      expect({ name, rows: await rowsOf('team_a', name) }).toEqual({ name, rows: own });
      expect((await rowsOf('mirror_reader', name)).length).toBe(
        (await rowsOf('mirror_owner', name)).length,
      );
    }
    // The others pay nothing: their plans have the same steps.
    expect(await plansOf('mirror_reader')).toEqual(before);
    expect(
      await sql('mirror_worker', "SELECT row_security_active('directory.users') AS active"),
    ).toEqual([{ active: false }]);
  });

  test('and in every function', async () => {
    if ((await version()) < 150_000) return;
    const functions = await sql(
      'mirror_owner',
      `SELECT proname AS name FROM pg_proc WHERE pronamespace = 'directory'::regnamespace ORDER BY 1`,
    );
    const tables = ['groups_at', 'memberships_at', 'pool_settings_at', 'users_at'];
    // Of these, identity_names reads no table, and restrict_reader is the owner's.
    expect(functions.map(({ name }) => name)).toEqual(
      [...tables, 'history_reaches', 'identity_names', 'restrict_reader'].sort(),
    );
    const [{ at } = {}] = await sql(
      'mirror_owner',
      'SELECT min(snapshot_at)::text AS at FROM directory.snapshots',
    );
    for (const name of tables) {
      const own = await rowsOf('mirror_owner', `directory.${name}('${OWN}', now())`);
      expect(own.length).toBeGreaterThan(0);
      expect(await rowsOf('team_a', `directory.${name}('${OWN}', now())`)).toEqual(own);
    }
    for (const name of [...tables, 'history_reaches']) {
      for (const time of ['now()', `'${at as string}'::timestamptz - interval '1 year'`]) {
        const call = (pool: string) => `SELECT * FROM directory.${name}('${pool}', ${time})`;
        const unknown = await refusalOf('team_a', call('us-east-1_Unknown'));
        expect(unknown).toContain('No snapshot of pool us-east-1_Unknown has been published');
        // A pool that is hidden is a pool that does not exist.
        expect(await refusalOf('team_a', call(OTHER))).toBe(
          unknown.replace('us-east-1_Unknown', OTHER),
        );
      }
    }
    expect(await refusalOf('team_a', 'SELECT * FROM mirror.history_starts')).toMatch(
      /permission denied for schema mirror/,
    );
  });

  test('and by the commands', async () => {
    if ((await version()) < 150_000) return;
    const count = 'SELECT DISTINCT pool_id FROM directory.users';
    const queried = await run('team_a', 'query', '--json', count);
    expect(JSON.parse(queried.stdout)).toEqual([{ pool_id: OWN }]);
    const { code, stdout } = await run('team_a', 'history', OWN, 'carol@example.com', '--json');
    expect({ code, users: JSON.parse(stdout).users }).toMatchObject({
      code: 0,
      users: [{ username: 'carol' }],
    });
    expect(await run('team_a', 'diff', OWN, '--json')).toMatchObject({ code: 0 });
    expect(await run('mirror_reader', 'diff', OTHER, '--json')).toMatchObject({ code: 0 });
    expect(await run('team_a', 'diff', OTHER, '--json')).toMatchObject({ code: 2 });
  });

  test('snapshots go on, and new tables and views are covered', async () => {
    if ((await version()) < 150_000) return;
    for (const pool of mirror.simulator.pools.values()) pool.updateAttributes('ann', { name: 'A' });
    for (const role of ['mirror_worker', 'mirror_owner']) {
      expect(await run(role, 'sync', OWN, OTHER)).toMatchObject({ code: 0 });
      expect(await run(role, 'diff', OWN, '--json')).toMatchObject({ code: 0 });
    }
    await sql(
      'mirror_owner',
      'CREATE TABLE directory.later AS SELECT pool_id FROM directory.pools',
    );
    await sql('mirror_owner', 'CREATE TABLE directory.without AS SELECT 1 AS x');
    await sql('mirror_owner', 'CREATE VIEW directory.seen AS SELECT pool_id FROM directory.later');
    await sql('mirror_owner', 'SELECT mirror.apply_restrictions()');
    await sql(
      'mirror_owner',
      'GRANT SELECT ON ALL TABLES IN SCHEMA directory TO team_a, mirror_reader',
    );
    for (const name of ['directory.later', 'directory.seen']) {
      expect(await rowsOf('team_a', name)).toEqual([`{"pool_id": "${OWN}"}`]);
      expect(await rowsOf('mirror_reader', name)).toHaveLength(2);
    }
    expect(await rowsOf('team_a', 'directory.without')).toEqual([]);
    expect(await rowsOf('mirror_reader', 'directory.without')).toHaveLength(1);
    await sql('mirror_owner', 'DROP TABLE directory.later, directory.without CASCADE');
  });

  test('its pools can be replaced, and all its rights be taken away', async () => {
    if ((await version()) < 150_000) return;
    const pools = () =>
      sql('team_a', 'SELECT DISTINCT pool_id AS id FROM directory.changes ORDER BY 1');
    await restrict(OTHER);
    expect(await pools()).toEqual([{ id: OTHER }]);
    await restrict(OWN, OTHER);
    expect(await pools()).toEqual([{ id: OTHER }, { id: OWN }]);
    await sql('postgres', 'DROP OWNED BY team_a');
    await sql('postgres', 'DROP ROLE team_a');
    expect(await rowsOf('mirror_reader', 'directory.pools')).toHaveLength(2);
    expect(await run('mirror_owner', 'migrate')).toMatchObject({ code: 0 });
  });
});
