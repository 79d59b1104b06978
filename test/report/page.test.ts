import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMirror, type Mirror, type Report, renderReport } from '../../src/index.ts';
import { openPool } from '../../src/postgres/connection.ts';
import { take } from '../history/drawn-pool.ts';
import { group, POOL, user } from '../postgres/fixtures.ts';
import { createTestDatabase } from '../support/postgres.ts';

const ATTACK = `"><script>alert('x')</script><img src=//evil.example onerror=alert(1)>&lt;`;
const RTL = 'gnp\u202e.exe';
const CONTROLS = 'line\nbreak\u0007\u2028';

/** A pool whose every text is hostile, at two snapshots; then a report of it. */
let db: pg.Pool;
let mirror: Mirror;
let drop: () => Promise<void>;
let report: Report;
let page: string;
beforeAll(async () => {
  const database = await createTestDatabase();
  drop = () => database.drop();
  db = openPool(database.url, 2);
  mirror = await createMirror({ databaseUrl: database.url });
  const role = (name: string) =>
    group(name, { precedence: 1, roleArn: `arn:aws:iam::1:role/${name}` });
  const hostile = user(ATTACK, {
    enabled: false,
    status: ATTACK,
    attributes: { email: ATTACK, email_verified: 'true', name: CONTROLS, [ATTACK]: ATTACK },
  });
  const same = user(RTL, { attributes: { email: ATTACK, email_verified: 'true' } });
  const unconfirmed = user(CONTROLS, { status: 'UNCONFIRMED' });
  const groups = [role(ATTACK), role(RTL)];
  await take(db, POOL, { users: [user('ann')], groups: [], members: {} });
  await take(db, POOL, {
    users: [hostile, same, unconfirmed],
    groups,
    members: { [ATTACK]: [hostile, same], [RTL]: [hostile] },
  });
  await db.query('UPDATE directory.snapshots SET users = 3, groups = 2, memberships = 3');
  report = await mirror.report(POOL);
  page = await renderReport(report);
});
afterAll(async () => {
  await mirror.close();
  await db.end();
  await drop();
});

describe('the page', () => {
  test('shows names of a pool as text, and escapes what would act', () => {
    expect(page).not.toMatch(/<script|<img|onerror=[^&]*>/);
    expect(page).toContain('&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;');
    expect(page).toContain('gnp\\u202e.exe');
    expect(page).toContain('line\\nbreak\\u0007\\u2028');
    for (const active of ['\u202e', '\u0007', '\u2028']) expect(page).not.toContain(active);
    expect(page).toContain('&amp;lt;');
  });

  test('loads nothing and allows nothing', () => {
    expect(page).toContain(
      `<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; `,
    );
    const tags = page.match(/<[^>]*>/g) ?? [];
    for (const tag of tags) expect(tag).not.toMatch(/\s(src|srcset|action|data|poster|on\w+)=/);
    expect(page).not.toMatch(/url\(|@import|<link|<iframe|<object|<form/);
    for (const [, href] of page.matchAll(/href="([^"]*)"/g)) expect(href).toMatch(/^#[a-z]+$/);
  });

  test('can be read aloud: headings in order, tables with captions and scopes', () => {
    expect(page).toContain('<html lang="en">');
    const levels = [...page.matchAll(/<h([1-6])/g)].map(([, level]) => Number(level));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    for (const [index, level] of levels.entries()) {
      expect(level).toBeLessThanOrEqual((levels[index - 1] ?? 0) + 1);
    }
    const tables = page.match(/<table>.*?<\/table>/gs) ?? [];
    expect(tables.length).toBeGreaterThan(5);
    for (const table of tables) {
      expect(table).toMatch(/^<table><caption>[^<]/);
      expect(table).not.toMatch(/<th(?! scope="(col|row)")[^e]/);
      const columns = table.match(/<th scope="col"/g)?.length ?? 0;
      for (const row of table.match(/<tr>.*?<\/tr>/gs) ?? []) {
        expect(row.match(/<t[hd][ >]/g)).toHaveLength(columns);
      }
    }
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of page.matchAll(/href="#([^"]*)"/g)) expect(ids).toContain(id);
  });

  test.each([
    ['Complete', /Unknown.*is not recorded/],
    ['Population', /Users<\/th><td class="number">1<\/td><td class="number">3<\/td>/],
    ['What changed', /3 users joined, 1 left, 0 changed\. 3 memberships of groups began, 0 ended/],
    ['Joiners', /3 users/],
    ['Leavers', /<bdi>ann<\/bdi>/],
    ['Groups that carry a role', /no role before.*precedence 1, new/],
    ['Disabled, and in a group with a role', /1 user<.*alert/],
    ['No effective role, because groups tie', /role\/gnp/],
    ['Unconfirmed, and unchanged for 90 days', /2025-06-01 00:00 UTC/],
    ['Verified e-mail addresses of several users', /1 address<.*<td class="number">2<\/td>/],
    ['In no group', /line\\nbreak/],
    ['Evidence of completeness', /not recorded: an earlier version/],
    ['Proof', /The snapshot is in no archive/],
    ['What this page cannot show', /What was before the first snapshot/],
  ])('has the section %s', (heading, content) => {
    const text = page.slice(page.indexOf('<body>'));
    const start = text.search(new RegExp(`<h[23][^>]*>${heading}</h[23]>`));
    expect(start).toBeGreaterThan(0);
    expect(text.slice(start)).toMatch(
      new RegExp(`^<h[23][^>]*>${heading}.*?${content.source}`, 's'),
    );
  });

  test('says how to list what it leaves out', async () => {
    const short = await renderReport(await mirror.report(POOL, { limit: 1 }));
    const { from, to } = report;
    expect(short).toContain('And 2 more; <code>');
    expect(short).toContain(
      `cognito-mirror diff ${POOL} ${from.snapshot} ${to.snapshot} --only users,added`,
    );
    expect(short).toContain('And 1 more; make the page with a larger --limit.');
  });
});

describe('a report', () => {
  test('compares the snapshot with the one before, and the first with itself', async () => {
    const first = report.from.snapshot;
    const found = await mirror.report(POOL, { to: first });
    expect(found).toMatchObject({ from: { snapshot: first }, to: { snapshot: first } });
    expect(found.summary.users).toEqual({ added: 0, removed: 0, modified: 0, replaced: 0 });
    await expect(mirror.report(POOL, { from: 'latest', to: first })).rejects.toThrow(
      /^from: \d+T\d+Z is later than `to`/,
    );
  });

  test.each([
    [{ limit: 0 }, /^limit: is out of its bounds. Give a whole number from 1 to 10000/],
    [{ unchangedDays: 1.5 }, /^unchangedDays: is out of its bounds/],
    [{ to: 'held' }, /^to: names a held snapshot/],
    [{ from: 'yesterday' }, /^from: is not a point in the history/],
    [{ signers: 'nonsense' }, /^signers: /],
  ])('refuses %j', async (options, message) => {
    await expect(mirror.report(POOL, options)).rejects.toThrow(message);
  });

  test('is not complete if rows are missing that were published', async () => {
    await db.query('DELETE FROM directory.memberships WHERE username = $1', [RTL]);
    const { verdict } = await mirror.report(POOL);
    expect(verdict.complete).toEqual({
      answer: 'no',
      why: 'The rows are not those that were published any more: 2 instead of 3 memberships.',
    });
  });
});
