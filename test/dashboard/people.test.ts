import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashPerson } from '../../src/dashboard/log-looks.ts';
import { createSealedNames } from '../../src/dashboard/sealed-names.ts';
import { openPool } from '../../src/postgres/connection.ts';
import { HashKey } from '../../src/privacy/hash-key.ts';
import { type State, take } from '../history/drawn-pool.ts';
import { group, user } from '../postgres/fixtures.ts';
import { auditPage, describeInBrowser, signIn } from '../support/browser.ts';
import { openDashboard, type TestDashboard, TOKEN, VIEW_TOKEN } from '../support/dashboard.ts';
import { moveToPast } from '../support/past.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const [POOL, OTHER] = ['eu-west-1_People1', 'eu-west-1_People2'];
const PEOPLE = `/pools/${POOL}/people`;
const names = createSealedNames({ act: TOKEN, view: VIEW_TOKEN });
const key = new HashKey('k'.repeat(32));

/** Every text that a pool can hold must be shown as text. */
const MARKUP = `<img src=x onerror="document.title='broken'">&amp;"'\u202e`;

const person = (
  username: string,
  attributes: Record<string, string> = {},
  sub = `sub-${username}`,
) => user(username, { sub, attributes: { sub, email: `${username}@example.com`, ...attributes } });

const ann = person('Ann', {
  'custom:team': 'Red',
  'custom:note': MARKUP,
  'custom:secret': key.hash(POOL, 'custom:secret', 'blue'),
  name: MARKUP,
  identities: JSON.stringify([{ userId: '7', providerName: 'Google', primary: 'false' }]),
});
const google = person('Google_7');
const crowd = Array.from({ length: 60 }, (_, index) =>
  person(`crowd-${String(index).padStart(2, '0')}`),
);
const before: State = {
  users: [
    person('Ann', { 'custom:team': 'Blue' }),
    person('gone'),
    person('again', {}, 'sub-first'),
    google,
  ],
  groups: [group('staff')],
  members: { staff: [person('gone')] },
};
const ODD_GROUPS = ['..', 'a/b%2F?#', MARKUP];
const now: State = {
  users: [
    { ...ann, mfa: { settings: ['SMS_MFA'], preferred: 'SMS_MFA', readAt: null } },
    google,
    person('again', {}, 'sub-second'),
    ...crowd,
    person(MARKUP),
  ],
  groups: [
    group('staff', { roleArn: 'arn:aws:iam::1:role/staff', precedence: 1, description: MARKUP }),
    ...ODD_GROUPS.map((name) => group(name)),
  ],
  members: {
    staff: [ann, ...crowd],
    ...Object.fromEntries(ODD_GROUPS.map((name) => [name, [ann]])),
  },
};

let database: TestDatabase;
let db: pg.Pool;
let dashboard: TestDashboard;
beforeAll(async () => {
  database = await createTestDatabase();
  db = openPool(database.url, 4);
  for (const poolId of [POOL, OTHER]) {
    await db.query(
      `INSERT INTO directory.pools (pool_id, arn, account_id, region, estimated_users, custom_attributes, seen_at)
       VALUES ($1, 'arn', '111122223333', 'eu-west-1', 5, '{custom:note,custom:secret,custom:team}', now())`,
      [poolId],
    );
  }
  await take(db, POOL, before);
  await moveToPast(db, '2 days');
  await take(db, POOL, now);
  await take(db, OTHER, { users: [ann], groups: [], members: {} });
  await db.query(`UPDATE directory.snapshots SET privacy = $2 WHERE pool_id = $1`, [
    POOL,
    { omitted: ['phone_number'], hashed: { 'custom:secret': key.id } },
  ]);
  dashboard = await openDashboard({ db, databaseUrl: database.url }, {}, { hashKey: key });
});
afterAll(async () => {
  await dashboard?.close();
  await db?.end();
  await database?.drop();
});

const userPath = (username: string, sub: string | null = `sub-${username}`) =>
  `/pools/${POOL}/users/${names.sealUser(POOL, { username, sub })}`;
const groupPath = (name: string) => `/pools/${POOL}/groups/${names.sealGroup(POOL, name)}`;

/** Searches as a program does. */
async function search(fields: Record<string, string>): Promise<string> {
  const answer = await fetch(dashboard.url + PEOPLE, {
    method: 'POST',
    headers: { Authorization: `Bearer ${TOKEN}`, Accept: 'text/html', Origin: dashboard.url },
    body: new URLSearchParams(fields),
  });
  expect(answer.status).toBe(200);
  return answer.text();
}

describe('a search', () => {
  test('says what privacy rules hide, and finds a hashed value by its text', async () => {
    const found = await search({ attribute: 'custom:secret', comparison: 'is', text: 'blue' });
    expect(found).toContain('hashes custom:secret: it is found by its full value only');
    expect(found).toContain(userPath('Ann'));
    const omitted = await search({ attribute: 'phone_number', text: '+41' });
    expect(omitted).toContain('leaves phone_number out, so a search by it has no matches');
  });

  test('answers odd texts, and texts of any length, without a match', async () => {
    for (const text of ['%', '\\', "'", '\0', '\u202e', 'x'.repeat(10_000)]) {
      const page = await search({ text });
      expect(page).not.toContain('<caption>People</caption>');
    }
    expect(await search({ text: 'x', attribute: `custom:\0'` })).toContain('No matches');
    expect(await search({ text: 'x', from: 'name:\0' })).toContain('No matches');
  });

  test('takes name=value for an attribute of the pool, and searches all pools', async () => {
    expect(await search({ text: 'custom:team=red' })).toContain(userPath('Ann'));
    const all = await search({ text: 'ann', scope: 'all' });
    expect(all).toContain(`/pools/${OTHER}/users/`);
  });

  test('says that more match, and is logged without what was searched', async () => {
    expect(await search({ text: 'crowd' })).toContain('More than 50 match');
    const lines = dashboard.log.filter(({ msg }) => msg === 'a session searched for people');
    expect(lines.at(-1)).toMatchObject({
      poolIds: [POOL],
      people: 50,
      session: 'bearer',
      client: '127.0.0.1',
    });
    expect(JSON.stringify(dashboard.log)).not.toMatch(/crowd|ann/i);
  });
});

describe('people and groups', () => {
  test('are refused to the token that sees counts', async () => {
    for (const path of [PEOPLE, userPath('Ann'), groupPath('staff')]) {
      const answer = await dashboard.get(path, VIEW_TOKEN);
      expect(answer.status).toBe(403);
      expect(await answer.text()).toContain('MIRROR_HTTP_TOKEN');
    }
  });

  test('have no address that tells who they are, and none for others', async () => {
    expect(userPath('Ann')).not.toMatch(/ann|sub-/i);
    for (const path of [
      `/pools/${POOL}/users/sub-Ann`,
      `/pools/${OTHER}/users/${userPath('Ann').split('/').at(-1)}`,
      `/pools/${POOL}/groups/staff`,
      userPath('never'),
      groupPath('never'),
      '/pools/eu-west-1_None/people',
      '/pools/%00',
      '/pools/%00/snapshots/20260101T000000Z',
      `/pools/${POOL}/snapshots/%00`,
    ]) {
      expect((await dashboard.get(path)).status).toBe(404);
    }
  });

  test('show a look in the log by a hash', async () => {
    await dashboard.get(userPath('Ann'));
    expect(dashboard.log.at(-1)).toMatchObject({
      msg: 'a session looked at a person',
      poolId: POOL,
      person: hashPerson(POOL, 'sub-Ann'),
    });
  });

  test('show any group, whatever its name, at any date', async () => {
    for (const name of ODD_GROUPS) {
      const answer = await dashboard.get(groupPath(name));
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain('Joined, left since');
    }
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    const then = await (await dashboard.get(`${groupPath('staff')}?at=${yesterday}`)).text();
    expect(then).toContain(userPath('gone'));
    expect(then).not.toContain(userPath('Ann'));
    expect((await dashboard.get(`${groupPath('staff')}?at=yesterday`)).status).toBe(409);
    expect((await dashboard.get(`${groupPath('staff')}?at=2001-01-01`)).status).toBe(409);
  });
});

describeInBrowser('the pages of people', (browser) => {
  test('find a user, and show what is known of the person', async () => {
    const page = await browser.open();
    await signIn(page, dashboard.url + PEOPLE, TOKEN);
    await page.getByLabel('Search for').fill('aNN');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('table', { name: 'People' }).waitFor();
    await auditPage(page);
    await page.getByRole('link', { name: 'Ann', exact: true }).click();
    await page.getByRole('heading', { name: 'Attributes' }).waitFor();
    const text = (await page.locator('main').textContent()) ?? '';
    for (const shown of [
      'SMS_MFA',
      'arn:aws:iam::1:role/staff',
      'hashed by a privacy rule',
      'leaves out: phone_number',
      'Google_7',
      'Blue → Red',
      '<img src=x onerror=',
    ]) {
      expect(text).toContain(shown);
    }
    expect(await page.title()).toBe('User · cognito-mirror');
    expect(page.url()).not.toMatch(/ann/i);
    await auditPage(page);
  });

  test('tell apart the persons of one name, and show who is gone', async () => {
    const page = await browser.open({ javaScript: false });
    await signIn(page, dashboard.url + userPath('again', 'sub-first'), TOKEN);
    expect(await page.locator('main').textContent()).toContain('Gone.');
    await page.getByRole('link', { name: 'sub-second' }).click();
    await page.getByRole('link', { name: 'sub-first' }).waitFor();
    expect(await page.locator('main').textContent()).not.toContain('Gone.');
  });

  test('page through the members of a group, and go to a date', async () => {
    const page = await browser.open();
    await signIn(page, dashboard.url + groupPath('staff'), TOKEN);
    await page.getByRole('link', { name: 'crowd-00' }).waitFor();
    await auditPage(page);
    await page.getByRole('button', { name: 'Next members' }).click();
    await page.getByRole('link', { name: 'crowd-59' }).waitFor();
    expect(page.url()).not.toContain('crowd');
    await page
      .getByLabel('At the beginning')
      .fill(new Date(Date.now() - 86_400_000).toISOString().slice(0, 10));
    await page.getByRole('button', { name: 'Show this day' }).click();
    await page.getByRole('link', { name: 'gone' }).waitFor();
  });
});
