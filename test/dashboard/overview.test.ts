import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditPage, describeInBrowser, signIn } from '../support/browser.ts';
import { openDashboard, type TestDashboard, TOKEN } from '../support/dashboard.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

let mirror: TestMirror;
let dashboard: TestDashboard;
beforeAll(async () => {
  mirror = await openTestMirror({ users: 60, groups: 4 });
  dashboard = await openDashboard(mirror);
});
afterAll(async () => {
  await dashboard?.close();
  await mirror?.close();
});

describeInBrowser('the overview', (browser) => {
  test('says how to begin while no pool is mirrored, then shows a row for each pool', async () => {
    const page = await browser.open();
    await signIn(page, dashboard.url, TOKEN);
    await page.getByText('cognito-mirror sync').waitFor();
    await auditPage(page);

    await mirror.sync();
    await page.reload();
    const row = page.getByRole('row', { name: mirror.pool.settings.id });
    expect(await row.textContent()).toContain('on time');
    await auditPage(page);
  });
});
