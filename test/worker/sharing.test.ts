import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { expectMirrored } from '../support/directory.ts';
import { type Fleet, openFleet } from '../support/fleet.ts';
import { createTestDatabase, runSql } from '../support/postgres.ts';

let fleet: Fleet;
afterEach(() => fleet.close());

/** What a reader sees of the current state, whenever it was mirrored. */
const CONTENT = `
  SELECT md5(string_agg(t.row, ' ' ORDER BY t.row)) AS content, count(*)::int AS rows FROM (
    SELECT (to_jsonb(u) - 'valid_from')::text AS row FROM directory.users AS u
    UNION ALL SELECT (to_jsonb(g) - 'valid_from')::text FROM directory.groups AS g
    UNION ALL SELECT (to_jsonb(m) - 'valid_from')::text FROM directory.memberships AS m
  ) AS t`;

/** How many pages of users a worker has read, by its own metrics. */
async function pagesOf(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = [...text.matchAll(/^cognito_mirror_pages_total\{[^}]*\} (\d+)/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

describe('three workers', () => {
  it('share one snapshot of 50,000 users, with the rows of an inline run', async () => {
    fleet = await openFleet({ users: 50_000, groups: 60, seed: 301 });
    const workers = await Promise.all([fleet.worker(), fleet.worker(), fleet.worker()]);
    await fleet.trigger();
    expect(await fleet.settled()).toMatchObject({ outcome: 'done' });
    for (const { url } of workers) expect(await pagesOf(url)).toBeGreaterThan(0);

    const inline = await createTestDatabase();
    try {
      const { code } = await fleet.run(['sync'], { DATABASE_URL: inline.url });
      expect(code).toBe(0);
      expect(await fleet.rows(CONTENT)).toEqual(await runSql(inline.url, CONTENT, []));
    } finally {
      await inline.drop();
    }
    const [archived] = await fleet.rows('SELECT state, users::int FROM directory.snapshots');
    expect(archived).toEqual({ state: 'archived', users: 50_000 });
    const db = new pg.Pool({ connectionString: fleet.databaseUrl });
    await expectMirrored(db, fleet.pool).finally(() => db.end());
  });
});
