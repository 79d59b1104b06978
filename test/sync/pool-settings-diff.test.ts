import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatChanges, formatSummary, toCsvRows } from '../../src/cli/display/diff-text.ts';
import {
  type Change,
  createMirror,
  type DiffQuestion,
  type Mirror,
  renderReport,
} from '../../src/index.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';
import { HASH_KEY } from '../support/privacy.ts';

const WEB = '1a2b3c4d5e6f7g8h9i0jklmnop';
const MOBILE = '2b3c4d5e6f7g8h9i0jklmnopqr';

let test: TestMirror;
let poolId: string;
let mirror: Mirror;
const snapshots: string[] = [];

async function snapshot(options: { readonly poolSettings?: boolean } = {}): Promise<string> {
  const own = await open(options);
  const { snapshot: id } = await own.sync(poolId);
  await own.close();
  return id as string;
}

function open({ poolSettings = true, maxRemovedRatio = 1 } = {}): Promise<Mirror> {
  return createMirror({
    databaseUrl: test.databaseUrl,
    archiveUrl: pathToFileURL(test.archive).href,
    home: test.work,
    endpoints: { cognito: test.simulator.url },
    poolSettings,
    hashKey: HASH_KEY,
    maxRemovedRatio,
  });
}

async function diff(question: DiffQuestion = {}) {
  const changes: Change[] = [];
  const { summary } = await mirror.diff(
    poolId,
    async (_, batches) => {
      for await (const batch of batches) changes.push(...batch);
    },
    question,
  );
  return { changes, summary };
}

beforeAll(async () => {
  test = await openTestMirror({ users: 60, groups: 1, seed: 73 });
  poolId = test.pool.settings.id;
  const { clients, tags } = test.pool.configuration;
  snapshots.push(await snapshot());
  Object.assign(clients.get(WEB) as object, {
    ClientSecret: 'another-secret',
    CallbackURLs: ['https://new.example.com'],
    TokenValidityUnits: { IdToken: 'hours' },
    LastModifiedDate: 1_795_000_000,
  });
  clients.delete(MOBILE);
  tags.set('cost', '7');
  snapshots.push(await snapshot());
  snapshots.push(await snapshot({ poolSettings: false }));
  mirror = await open();
});
afterAll(async () => {
  await mirror?.close();
  await test?.close();
});

describe('between two snapshots with settings', () => {
  it('each part that changed is shown, with old and new values', async () => {
    const [from, to] = snapshots;
    const { changes, summary } = await diff({ from, to });
    const hash = expect.stringMatching(/^hmac-sha256:/);
    expect(changes).toEqual([
      {
        entity: 'setting',
        kind: 'modified',
        part: `client/${WEB}`,
        fields: {
          CallbackURLs: {
            from: ['https://simulated.example.com/callback'],
            to: ['https://new.example.com'],
          },
          ClientSecret: { from: hash, to: hash },
          'TokenValidityUnits.IdToken': { from: null, to: 'hours' },
        },
      },
      expect.objectContaining({ entity: 'setting', kind: 'removed', part: `client/${MOBILE}` }),
      {
        entity: 'setting',
        kind: 'modified',
        part: 'tags',
        fields: { cost: { from: null, to: '7' } },
      },
    ]);
    expect(summary.settings).toEqual({ added: 0, removed: 1, modified: 2 });
    const text = formatChanges(changes, 200) + formatSummary(summary);
    expect(text).toContain(`setting modified  client/${WEB}`);
    expect(text).toContain('cost  (none)');
    expect(text).toContain('settings: 0 added, 1 removed, 2 modified');
    expect(changes.flatMap(toCsvRows)).toContainEqual([
      ...['setting', 'modified', 'tags', null],
      ...['cost', null, '7'],
    ]);
  });

  it('they are filtered like other changes', async () => {
    const [from, to] = snapshots;
    const removed = await diff({ from, to, only: ['settings', 'removed'] });
    expect(removed.changes).toMatchObject([{ part: `client/${MOBILE}` }]);
    expect((await diff({ from, to, only: ['users', 'groups'] })).changes).toEqual([]);
    const all = await diff({ from, to, allFields: true, only: ['modified'] });
    expect(all.changes[0]?.fields).toHaveProperty('LastModifiedDate');
    const redacted = await diff({ from, to, redact: true, only: ['modified'] });
    expect(redacted.changes[0]?.fields).toMatchObject({ ClientSecret: {} });
    expect(JSON.stringify(redacted)).not.toContain('hmac');
    const fields = await diff({ from, to, fields: ['email'] });
    expect(fields.summary.settings).toBeUndefined();
  });

  it('a report lists them', async () => {
    const [from, to] = snapshots;
    const report = await mirror.report(poolId, { from, to });
    expect(report.settings.map(({ part }) => part)).toEqual([
      `client/${WEB}`,
      `client/${MOBILE}`,
      'tags',
    ]);
    const page = await renderReport(report);
    expect(page).toContain('Settings that came, went or changed');
    expect(page).toContain('TokenValidityUnits.IdToken');
    expect(page).not.toContain('another-secret');
  });
});

it('settings are not compared where one of the snapshots keeps none', async () => {
  const [, from, to] = snapshots;
  const { changes, summary } = await diff({ from, to });
  expect({ changes, settings: summary.settings }).toEqual({ changes: [], settings: null });
  expect(await renderReport(await mirror.report(poolId, { from, to }))).not.toContain(
    'Settings that',
  );
});

it('the live pool and a held snapshot are compared too', async () => {
  await snapshot();
  const { tags } = test.pool.configuration;
  tags.set('cost', '8');
  test.simulator.denied.set('DescribeUserPoolClient', 'AccessDeniedException');
  const live = await diff({ to: 'now' });
  // What could not be read is not different.
  expect(live.changes).toMatchObject([{ part: 'tags', fields: { cost: { from: '7', to: '8' } } }]);
  for (const user of [...test.pool.users()]) test.pool.deleteUser(user.username);
  const cautious = await open({ maxRemovedRatio: 0 });
  expect(await cautious.sync(poolId)).toMatchObject({ state: 'held' });
  await cautious.close();
  const held = await diff({ to: 'held', only: ['settings'] });
  expect(held.changes).toEqual(live.changes);
  expect(held.summary.settings).toEqual({ added: 0, removed: 0, modified: 1 });
});
