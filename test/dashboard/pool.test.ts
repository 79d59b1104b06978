import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditPage, describeInBrowser, signIn } from '../support/browser.ts';
import { openDashboard, type TestDashboard, TOKEN, VIEW_TOKEN } from '../support/dashboard.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

const ODD_GROUP = '<b>مدير</b>';

let mirror: TestMirror;
let dashboard: TestDashboard;
let poolId: string;
/** A username that the second snapshot added. */
const ADDED = 'new-person';

beforeAll(async () => {
  mirror = await openTestMirror({ users: 300, groups: 4 });
  dashboard = await openDashboard(mirror);
  const { pool } = mirror;
  poolId = pool.settings.id;
  await mirror.sync();
  const [gone = '', disabled = ''] = [...pool.users()].map(({ username }) => username);
  pool.deleteUser(gone);
  pool.changeUser(disabled, { enabled: false });
  pool.createUser({ username: ADDED, attributes: { email: 'new@example.com' } });
  pool.createGroup(ODD_GROUP);
  pool.addToGroup(ADDED, ODD_GROUP);
  expect(await mirror.sync()).toMatchObject({ outcome: 'archived' });
});
afterAll(async () => {
  await dashboard?.close();
  await mirror?.close();
});

async function newest(state: string): Promise<string> {
  const [row] = await mirror.rows<{ snapshot: string }>(
    `SELECT snapshot FROM directory.snapshots WHERE pool_id = $1 AND state = $2
     ORDER BY snapshot_at DESC LIMIT 1`,
    [poolId, state],
  );
  return row?.snapshot ?? '';
}

const pathOf = (snapshot: string) => `${dashboard.url}/pools/${poolId}/snapshots/${snapshot}`;

describeInBrowser('the page of a pool', (browser) => {
  test('shows users, groups and snapshots, with charts that agree with the tables', async () => {
    const page = await browser.open();
    await signIn(page, dashboard.url, TOKEN);
    await page.goto(`${dashboard.url}/pools/${poolId}`);
    await page.getByRole('heading', { name: 'Users by status now' }).waitFor();
    expect(await page.getByRole('img', { name: 'Users', exact: true }).count()).toBe(1);
    await page.locator('#users summary').click();
    expect(await page.locator('#users tbody td').first().textContent()).toBe('300');
    await page.locator('#sign-ups summary').click();
    expect(await page.locator('#sign-ups tbody tr').first().textContent()).toMatch(/11$/);
    const group = page.getByRole('row', { name: 'مدير' });
    expect(await group.textContent()).toContain(ODD_GROUP);
    const rows = page
      .locator('table', { hasText: 'Snapshots, the newest first' })
      .locator('tbody tr');
    expect(await rows.count()).toBe(2);
    expect(await rows.first().textContent()).toContain('1 added, 1 modified, 1 removed');
    await auditPage(page);
    await page.getByRole('link', { name: '365 days' }).click();
    await page.getByRole('link', { name: '365 days' }).waitFor();
    await page.locator('a[aria-current="true"]', { hasText: '365 days' }).waitFor();
  });

  test('works without a script, and says what to do about an unknown pool', async () => {
    const page = await browser.open({ javaScript: false, allow: /status of 404/ });
    await signIn(page, dashboard.url, TOKEN);
    await page.goto(`${dashboard.url}/pools/us-east-1_Nothing`);
    await page.getByText('No pool with this id is mirrored').waitFor();
    await page.goto(pathOf('20200101T000000Z'));
    await page.getByText('has no snapshot with this id').waitFor();
    await page.goto(`${dashboard.url}/pools/${poolId}?before=nonsense&groups=-1&days=x`);
    await page.getByRole('heading', { name: 'Users by status now' }).waitFor();
  });
});

describeInBrowser('the page of a snapshot', (browser) => {
  test('shows walks, changes, checks and the archive', async () => {
    const page = await browser.open();
    await signIn(page, dashboard.url, TOKEN);
    await page.goto(pathOf(await newest('archived')));
    await page.getByRole('img', { name: 'Walks over time' }).waitFor();
    await page.getByRole('link', { name: ADDED, exact: true }).waitFor();
    const row = page.getByRole('row', { name: ADDED });
    expect(await row.textContent()).toContain('added');
    expect(await row.textContent()).toContain('joined');
    expect(await page.getByText('--head').textContent()).toMatch(/verify .* --head [0-9a-f]{64}/);
    await auditPage(page);

    await page.getByLabel('Show').selectOption({ label: 'Groups that changed' });
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByRole('row', { name: 'مدير' }).waitFor();
    await page.getByLabel('Show').selectOption({ label: 'All users that changed' });
    await page.getByLabel('Who').fill('NEW@example.com');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByText('Users by username').waitFor();
    expect(await page.locator('#content table.stacked tbody tr').count()).toBe(1);
    expect(page.url()).not.toMatch(/new/i);
    await page.getByLabel('Who').fill('stranger');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByText('Nothing that matches.').waitFor();
    await auditPage(page);
  });

  test('says why one is held, and what can be done', async () => {
    const { pool } = mirror;
    const names = [...pool.users()].map(({ username }) => username);
    for (const name of names.slice(0, 100)) pool.deleteUser(name);
    await mirror.sync({ maxRemoved: 0.1 });
    const page = await browser.open();
    await signIn(page, dashboard.url, TOKEN);
    await page.goto(pathOf(await newest('held')));
    await page.getByText('It is held and waits for a person').waitFor();
    await page.getByRole('link', { name: 'Release it' }).waitFor();
    expect(await page.getByText('It is not published, so it changed nothing.').count()).toBe(1);
    await auditPage(page);
  });
});

test('the token for counts sees no person, and sizes of groups without names', async () => {
  const secrets = await mirror.rows<{ username: string; sub: string; email: string | null }>(
    `SELECT username, sub, email FROM directory.users UNION SELECT username, sub, email
     FROM directory.user_history`,
  );
  const snapshot = await newest('archived');
  for (const path of [`/pools/${poolId}`, `/pools/${poolId}/snapshots/${snapshot}`]) {
    const answer = await dashboard.get(path, VIEW_TOKEN);
    expect(answer.status).toBe(200);
    const text = await answer.text();
    expect(text).toContain('1');
    for (const { username, sub, email } of secrets) {
      for (const secret of [username, sub, email]) {
        if (secret !== null && text.includes(secret)) throw new Error(`${path} shows ${secret}.`);
      }
    }
  }
  const page = await (await dashboard.get(`/pools/${poolId}`, VIEW_TOKEN)).text();
  for (const { name } of await mirror.rows<{ name: string }>(
    'SELECT group_name AS name FROM directory.groups',
  )) {
    expect(page.replaceAll(/<[^>]*>/g, ' ')).not.toContain(name);
  }
  expect(page).not.toContain('مدير');
  expect(page).not.toContain('/groups/');
  // In the table of the chart, its legend and the list.
  expect(page.split('Group 5').length).toBeGreaterThan(2);
  const seen = await (await dashboard.get(`/pools/${poolId}/snapshots/${snapshot}`)).text();
  expect(seen).toContain(ADDED);
});

test('a pool that was only scheduled, a failed and a discarded snapshot, and 5,000 groups', async () => {
  await mirror.rows(`INSERT INTO mirror.schedules (pool_id, pattern, timezone, due_at, starts_at)
    VALUES ('us-east-1_Scheduled', '0 2 * * *', 'UTC', now(), now())`);
  const scheduled = await (await dashboard.get('/pools/us-east-1_Scheduled')).text();
  expect(scheduled).toContain('cognito-mirror sync us-east-1_Scheduled');
  await mirror.rows(`INSERT INTO directory.snapshots (pool_id, snapshot, snapshot_at, state, reason) VALUES
    ('us-east-1_Empty', '20260101T000000Z', '2026-01-01', 'failed', 'The pool was deleted.'),
    ('us-east-1_Empty', '20260102T000000Z', '2026-01-02', 'discarded', 'Not wanted.')`);
  for (const [id, reason] of [
    ['20260101T000000Z', 'The pool was deleted.'],
    ['20260102T000000Z', 'Not wanted.'],
  ]) {
    const answer = await dashboard.get(`/pools/us-east-1_Empty/snapshots/${id}`);
    expect([answer.status, (await answer.text()).includes(reason ?? '')]).toEqual([200, true]);
  }
  await mirror.rows(`INSERT INTO directory.snapshots (pool_id, snapshot, snapshot_at, walked_at,
      published_at, state, users, groups, memberships, added, modified, removed)
    VALUES ('us-east-1_Empty', '20260601T000000Z', '2026-06-01', '2026-06-01', '2026-06-01',
      'published', 0, 5000, 0, 0, 0, 0)`);
  await mirror.rows(`INSERT INTO directory.groups (pool_id, group_name, escaped, valid_from)
    SELECT 'us-east-1_Empty', 'group ' || n, '{}', '2026-06-01' FROM generate_series(1, 5000) AS n`);
  const empty = await (await dashboard.get('/pools/us-east-1_Empty?groups=4980')).text();
  expect(empty).toContain('The pool has no user.');
  expect(empty).toContain('Groups 4,981 to 5,000 of 5,000');
  expect(empty).not.toContain('NaN');
});
