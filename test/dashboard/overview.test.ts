import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditPage, describeInBrowser, signIn } from '../support/browser.ts';
import { openDashboard, type TestDashboard, TOKEN, VIEW_TOKEN } from '../support/dashboard.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let mirror: TestMirror;
let dashboard: TestDashboard;
const released: string[] = [];
/** The users that held snapshots would remove. */
const removed: string[] = [];
beforeAll(async () => {
  mirror = await openTestMirror({ users: 300, groups: 4 });
  dashboard = await openDashboard(mirror, {
    // Its steps are tested with the command.
    release: async (name) => {
      released.push(name);
      await mirror.rows(`UPDATE directory.snapshots SET state = 'discarded' WHERE state = 'held'`);
    },
  });
});
afterAll(async () => {
  await dashboard?.close();
  await mirror?.close();
});

/** Takes a snapshot that would remove too many users. */
async function hold(): Promise<string> {
  while (removed.length < 150) {
    const [user] = mirror.pool.users();
    mirror.pool.deleteUser(user?.username ?? '');
    removed.push(user?.username ?? '');
  }
  const { report } = await mirror.sync({ maxRemoved: 0.1 });
  expect(report?.state).toBe('held');
  const snapshot = report?.snapshot ?? '';
  // A page does not wait until it is compared.
  const path = `/pools/${mirror.pool.settings.id}/snapshots/${snapshot}/release`;
  const load = async () => (await dashboard.get(path)).text();
  await expect.poll(load).toContain('Compared with what is published');
  return snapshot;
}

/** Presses Tab until the element with this text has the focus. */
async function tabTo(page: Page, text: string): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    const focused = await page.evaluate('document.activeElement.textContent.trim()');
    if (focused === text) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not reach ${text}.`);
}

test('an address with an unknown word for what was done shows none', async () => {
  const plain = await (await dashboard.get('/', VIEW_TOKEN)).text();
  for (const word of ['constructor', '__proto__', 'none']) {
    expect(await (await dashboard.get(`/?done=${word}`, VIEW_TOKEN)).text()).toBe(plain);
  }
  const done = await (await dashboard.get('/?done=released', VIEW_TOKEN)).text();
  expect(done).toContain('The snapshot is released and archived.');
});

test('a pool that needs no recent mirror is not late', async () => {
  const [LATE, RETIRED, MISTYPED] = ['us-east-1_Late', 'us-east-1_Retired', 'us-east-1_Mistyped'];
  await mirror.rows(
    `INSERT INTO directory.snapshots (pool_id, snapshot, snapshot_at, walked_at, published_at, state)
     SELECT pool_id, '20260101T000000Z', at, at, at, 'published'
     FROM unnest(ARRAY[$1, $2]) AS pool_id, (SELECT '2026-01-01T00:00:00Z'::timestamptz AS at) AS began`,
    [LATE, RETIRED],
  );
  await mirror.rows('INSERT INTO mirror.pools (pool_id, retired_at) VALUES ($1, now())', [RETIRED]);
  await mirror.rows(
    `INSERT INTO mirror.attempts (pool_id, outcome, reason) VALUES ($1, 'failed', 'No such pool.')`,
    [MISTYPED],
  );
  const page = await (await dashboard.get('/', VIEW_TOKEN)).text();
  const ageOf = (poolId: string) =>
    page
      .split('<tr>')
      .find((row) => row.includes(`/pools/${poolId}"`))
      ?.match(/<td data-title="Age">(.*?)<\/td>/s)?.[1];
  expect(ageOf(LATE)).toContain('>late<');
  expect(ageOf(RETIRED)).toMatch(/^<span class="quiet">.*<small>retired<\/small><\/span>$/);
  expect(ageOf(MISTYPED)).toBe('<span class="quiet">never mirrored</span>');
  for (const table of ['directory.snapshots', 'mirror.pools', 'mirror.attempts']) {
    await mirror.rows(`DELETE FROM ${table} WHERE pool_id = ANY ($1)`, [[LATE, RETIRED, MISTYPED]]);
  }
});

describeInBrowser('the overview', (browser) => {
  test('says how to begin while no pool is mirrored, then shows a row for each pool', async () => {
    const page = await browser.open();
    await signIn(page, dashboard.url, TOKEN);
    await page.getByText('cognito-mirror sync').waitFor();
    await auditPage(page);

    // No reload: an event brings the row.
    await mirror.sync();
    const row = page.getByRole('row', { name: mirror.pool.settings.id });
    await row.getByRole('link', { name: /UTC: archived, 300 users/ }).waitFor();
    expect(await row.textContent()).toContain('on time');
    await auditPage(page);
  });

  test('a held snapshot shows why and what it would change, and is released by keyboard alone', async () => {
    const snapshot = await hold();
    const page = await browser.open();
    await page.goto(dashboard.url);
    await page.locator('#token:focus').waitFor();
    await page.keyboard.type(TOKEN);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Held for review' }).waitFor();
    await auditPage(page);
    await tabTo(page, 'Release…');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: `Release ${snapshot}?` }).waitFor();
    const users = page.getByRole('row', { name: /^users/ });
    expect(await users.textContent()).toMatch(/150$/);
    await auditPage(page);
    await tabTo(page, 'Release');
    await page.keyboard.press('Enter');
    await page.getByText('The snapshot is released').waitFor();
    expect(released).toEqual([`${mirror.pool.settings.id}/${snapshot}`]);
    expect(await page.getByRole('heading', { name: 'Held for review' }).count()).toBe(0);
  });

  test('without JavaScript it shows the same, and a held snapshot is discarded', async () => {
    const snapshot = await hold();
    const page = await browser.open({ javaScript: false });
    await signIn(page, dashboard.url, TOKEN);
    await page.getByRole('link', { name: 'Discard…' }).click();
    await page.getByRole('button', { name: 'Discard' }).click();
    await page.getByText('The snapshot is discarded').waitFor();
    const [row] = await mirror.rows(
      'SELECT state, reason FROM directory.snapshots WHERE snapshot = $1',
      [snapshot],
    );
    expect(row).toEqual({
      state: 'discarded',
      reason: expect.stringMatching(/^Discarded by a person; it was held: /),
    });
  });

  test('who sees counts only is shown no name, and cannot decide', async () => {
    const snapshot = await hold();
    const page = await browser.open({ allow: /status of 403/ });
    await signIn(page, dashboard.url, VIEW_TOKEN);
    await page.getByRole('link', { name: 'What it would change' }).click();
    await page.getByRole('heading', { name: `Held snapshot ${snapshot}` }).waitFor();
    const text = (await page.locator('main').textContent()) ?? '';
    expect(text).toMatch(/users00150groups/);
    for (const username of removed) expect(text).not.toContain(username);
    expect(await page.getByRole('button', { name: 'Release' }).count()).toBe(0);
  });
});
