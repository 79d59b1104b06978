import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDashboard } from '../../src/dashboard/app.tsx';
import type { DashboardDeps } from '../../src/dashboard/deps.ts';
import { createSealedNames } from '../../src/dashboard/sealed-names.ts';
import { describeInBrowser, signIn } from '../support/browser.ts';
import { openDashboard, type TestDashboard, TOKEN, VIEW_TOKEN } from '../support/dashboard.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let mirror: TestMirror;
let dashboard: TestDashboard;
/** What a page must not show to who sees counts only. */
let personal: string[];
/** What stands in the paths of pages. */
let names: Record<string, string>;

beforeAll(async () => {
  mirror = await openTestMirror({ users: 40, groups: 3 });
  mirror.pool.createGroup('redundancies-2027', {
    description: 'Who will be dismissed',
    roleArn: 'arn:aws:iam::111122223333:role/dismissed',
  });
  const synced = await mirror.sync();
  expect(synced).toMatchObject({ outcome: 'archived' });
  const { report } = synced;
  dashboard = await openDashboard(mirror);
  const users = await mirror.rows<{ username: string; sub: string; email: string | null }>(
    'SELECT username, sub, email FROM directory.users',
  );
  personal = users.flatMap(({ username, sub, email }) => [username, sub, email ?? username]);
  const groups = await mirror.rows<{
    name: string;
    description: string | null;
    role: string | null;
  }>('SELECT group_name AS name, description, role_arn AS role FROM directory.groups');
  personal.push(
    ...groups.flatMap(({ name, description, role }) => [name, description ?? name, role ?? name]),
  );
  expect(personal).toContain('Who will be dismissed');
  const pool = mirror.pool.settings.id;
  const sealed = createSealedNames({ act: TOKEN, view: VIEW_TOKEN });
  const [user = { username: '', sub: '' }] = users;
  names = {
    pool,
    snapshot: report?.snapshot ?? '',
    user: sealed.sealUser(pool, user),
    group: sealed.sealGroup(pool, 'redundancies-2027'),
  };
});
afterAll(async () => {
  await dashboard?.close();
  await mirror?.close();
});

/** The paths of all routes that answer GET, with the names of this mirror in them. */
function paths(): string[] {
  const unused = { tokens: { act: TOKEN, view: null } } as DashboardDeps;
  const routes = createDashboard(unused).routes.filter(({ method }) => method === 'GET');
  const filled = routes.map(({ path }) =>
    path.replaceAll(/:(\w+)(\{[^}]*\})?/g, (_, name: string) => {
      const value = names[name];
      if (value === undefined) throw new Error(`No value for :${name} of ${path}.`);
      return encodeURIComponent(value);
    }),
  );
  // Events are the parts of the overview, which are tested with it.
  return [...new Set(filled)].filter((path) => path !== '/events');
}

test('no page shows a username, an e-mail address, a sub or a group to who sees counts only', async () => {
  const shown: string[] = [];
  for (const path of paths()) {
    const answer = await dashboard.get(path, VIEW_TOKEN);
    const text = await answer.text();
    expect(answer.status, path).toBeLessThan(500);
    const found = personal.filter((each) => text.includes(each));
    expect([path, found]).toEqual([path, []]);
    if (answer.status === 200) shown.push(path);
  }
  expect(shown).toEqual(expect.arrayContaining(['/', `/pools/${names.pool}`]));
});

test('no page answers without a token', async () => {
  const open = ['/sign-in', '/assets/style.css', '/assets/live.js', '/assets/icon.svg'];
  for (const path of paths()) {
    const answer = await fetch(dashboard.url + path);
    expect([path, answer.status]).toEqual([path, open.includes(path) ? 200 : 401]);
  }
});

describeInBrowser('without JavaScript', (browser) => {
  test('every page shows its heading, and loads nothing from elsewhere', async () => {
    const page = await browser.open({ javaScript: false, allow: /status of 40[34]/ });
    await signIn(page, dashboard.url, TOKEN);
    for (const path of paths().filter((each) => !each.startsWith('/assets/'))) {
      await page.goto(dashboard.url + path);
      expect(await page.locator('h1').count(), path).toBe(1);
    }
  });
});
