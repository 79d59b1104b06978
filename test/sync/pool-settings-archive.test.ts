import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { verifyArchives } from '../../src/app/verify.ts';
import type { ParsedManifest } from '../../src/archive/manifest.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { formatSummary } from '../../src/cli/display/diff-text.ts';
import { ARCHIVE_FORMATS } from '../../src/config/config.ts';
import {
  archiveDdl,
  type Change,
  createMirror,
  type HistoryQuestions,
  type Mirror,
  openArchive,
  renderReport,
} from '../../src/index.ts';
import { ResumableError } from '../../src/model/errors.ts';
import { HashKey } from '../../src/privacy/hash-key.ts';
import { Secrets } from '../../src/privacy/secrets.ts';
import { wrap } from '../archive/destinations.ts';
import { OFFLINE } from '../archive/support.ts';
import { openTestMirror, type SyncOptions, type TestMirror } from '../support/mirror.ts';
import { moveToPast } from '../support/past.ts';
import { HASH_KEY } from '../support/privacy.ts';

const WEB = '1a2b3c4d5e6f7g8h9i0jklmnop';
const MOBILE = '2b3c4d5e6f7g8h9i0jklmnopqr';
const deniedCall = (operation: string) => `The credentials may not call cognito-idp:${operation}.`;

interface Row {
  readonly part: string;
  readonly settings: Record<string, unknown> | null;
  readonly unread: string | null;
}

/**
 * Six snapshots of one pool: 0 could not read resource servers; 1 could not describe clients; 2 keeps no
 * settings. These three are archived late, with 3. Then 4 keeps no settings, and 5 does.
 */
let test: TestMirror;
let poolId: string;
let url: string;
let mirror: Mirror;
let archive: HistoryQuestions;
let manifests: ParsedManifest[];

beforeAll(async () => {
  test = await openTestMirror({ users: 6, groups: 1, seed: 74 });
  poolId = test.pool.settings.id;
  url = pathToFileURL(test.archive).href;
  const secrets = new Secrets(poolId, new HashKey(HASH_KEY));
  const full = wrap(await openDestination(url), {
    create: () => Promise.reject(new ResumableError('No space is left.')),
  });
  const { clients, tags } = test.pool.configuration;
  const { denied } = test.simulator;
  const take = async (options: SyncOptions, state: string) => {
    const { report } = await test.sync({ formats: ARCHIVE_FORMATS, ...options });
    expect(report.state).toBe(state);
    if (state === 'published') await moveToPast(test.db, '1 day');
  };
  denied.set('ListResourceServers', 'AccessDeniedException');
  await take({ secrets, destination: full }, 'published');
  denied.clear();
  denied.set('DescribeUserPoolClient', 'AccessDeniedException');
  tags.set('cost', '7');
  Object.assign(clients.get(WEB) as object, { ClientSecret: 'another-secret', ClientName: 'new' });
  await take({ secrets, destination: full }, 'published');
  denied.clear();
  await take({ destination: full }, 'published');
  clients.delete(MOBILE);
  tags.delete('cost');
  await take({ secrets }, 'archived');
  await take({}, 'archived');
  tags.set('team', 'another');
  await take({ secrets }, 'archived');

  mirror = await createMirror({ databaseUrl: test.databaseUrl });
  archive = await openArchive(url);
  const folder = join(test.archive, `manifests/pool_id=${poolId}`);
  const names = readdirSync(folder).sort();
  manifests = names.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
}, 300_000);
afterAll(async () => {
  await mirror?.close();
  await test?.close();
});

function partOf(snapshot: number, format: string): Buffer {
  const objects = manifests[snapshot]?.objects ?? [];
  const own = objects.filter((each) => each.dataset === 'settings' && each.format === format);
  expect(own).toHaveLength(1);
  return readFileSync(join(test.archive, own[0]?.key ?? ''));
}

/** The rows of a snapshot in JSON Lines, by part. */
function rowsOf(snapshot: number): Map<string, Row> {
  const lines = gunzipSync(partOf(snapshot, 'jsonl')).toString().split('\n').slice(0, -1);
  const rows = lines.map((line) => JSON.parse(line) as Row);
  return new Map(rows.map((row) => [row.part, row]));
}

const KEEPING = [0, 1, 3, 5];

it('manifests of snapshots with settings count them, and the others are as before', () => {
  expect(manifests.map(({ version }) => version)).toEqual([3, 3, 2, 3, 2, 3]);
  const rows = manifests.map((_, index) =>
    KEEPING.includes(index) ? rowsOf(index).size : undefined,
  );
  expect(manifests.map(({ counts }) => counts.settings)).toEqual(rows);
  for (const snapshot of [2, 4]) {
    expect(manifests[snapshot]?.objects.some(({ dataset }) => dataset === 'settings')).toBe(false);
  }
});

it('an archive that is written late has the settings as of its snapshot', async () => {
  for (const snapshot of KEEPING) {
    const published = await test.rows(
      'SELECT part, settings FROM directory.pool_settings_at($1, $2) ORDER BY part',
      [poolId, manifests[snapshot]?.publishedAt],
    );
    const archived = [...rowsOf(snapshot).values()].filter(({ settings }) => settings !== null);
    expect(archived.map(({ part, settings }) => ({ part, settings }))).toEqual(published);
  }
  expect(KEEPING.map((snapshot) => rowsOf(snapshot).get('tags')?.settings)).toEqual([
    { team: 'identity' },
    { team: 'identity', cost: '7' },
    { team: 'identity' },
    { team: 'another' },
  ]);
});

it('what could not be read says why, with the settings that were known', () => {
  const [first, second, third] = KEEPING.map(rowsOf);
  const unread = deniedCall('ListResourceServers');
  expect(first?.get('resource_server/')).toEqual({
    part: 'resource_server/',
    settings: null,
    unread,
  });
  expect([...(first?.values() ?? [])].filter((row) => row.unread !== null)).toHaveLength(1);
  expect(second?.has('resource_server/')).toBe(false);
  for (const part of [`client/${WEB}`, `client/${MOBILE}`]) {
    const known = first?.get(part)?.settings;
    expect(known).toHaveProperty('ClientName');
    expect(second?.get(part)).toEqual({
      part,
      settings: known,
      unread: deniedCall('DescribeUserPoolClient'),
    });
  }
  expect(third?.get(`client/${WEB}`)).toMatchObject({
    settings: { ClientName: 'new' },
    unread: null,
  });
  expect(third?.has(`client/${MOBILE}`)).toBe(false);
});

it('every format has the same rows, and no secret', async () => {
  const instance = await DuckDBInstance.create(':memory:', OFFLINE);
  const connection = await instance.connect();
  try {
    for (const statement of await archiveDdl('duckdb', { archive: url }))
      await connection.run(statement);
    const found = await connection.runAndReadAll(
      `SELECT snapshot, part, settings, unread FROM cognito_archive.settings ORDER BY snapshot, part`,
    );
    const parquet = found.getRowsJson();
    for (const snapshot of KEEPING) {
      const rows = [...rowsOf(snapshot).values()];
      const expected = rows.map(({ part, settings, unread }) => [part, settings, unread]);
      const read = (fields: readonly unknown[]) => [
        fields[0],
        fields[1] === null ? null : JSON.parse(fields[1] as string),
        fields[2],
      ];
      const own = parquet.filter(([id]) => id === manifests[snapshot]?.snapshot);
      expect(own.map(([, ...fields]) => read(fields))).toEqual(expected);
      const csv = parse(gunzipSync(partOf(snapshot, 'csv')), {
        from: 2,
        cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
      }) as unknown[][];
      expect(csv.map(read)).toEqual(expected);
      const text = JSON.stringify(expected);
      expect(text).toMatch(/hmac-sha256:/);
      for (const secret of ['simulated1secret2of3', 'another-secret', 'secret-of-google']) {
        expect(text).not.toContain(secret);
      }
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
});

it('the chain verifies', async () => {
  const { pools } = await verifyArchives({ archive: url });
  expect(pools).toMatchObject([{ poolId, snapshots: 6, findings: [] }]);
});

async function diff(history: HistoryQuestions, from: string, to: string) {
  const changes: Change[] = [];
  const use = async (_: unknown, batches: AsyncIterable<readonly Change[]>) => {
    for await (const batch of batches) changes.push(...batch);
  };
  return { changes, ...(await history.diff(poolId, use, { from, to })) };
}

it('the archive gives the differences that the database gives, between any two', async () => {
  const ids = manifests.map(({ snapshot }) => snapshot);
  for (const [to, later] of ids.entries()) {
    for (const [from, earlier] of ids.slice(0, to).entries()) {
      const found = await diff(archive, earlier, later);
      expect(found).toEqual(await diff(mirror, earlier, later));
      const kept = [from, to].filter((each) => KEEPING.includes(each)).length;
      if (kept === 2) expect(found.summary.settings).toBeTruthy();
      else expect(found.summary.settings).toBe(kept === 1 ? null : undefined);
      if (kept < 2) expect(found.changes.some(({ entity }) => entity === 'setting')).toBe(false);
    }
  }
  const [first = '', second = '', plain = '', third = ''] = ids;
  const { changes } = await diff(archive, first, second);
  expect(changes).toEqual([
    expect.objectContaining({ kind: 'added', part: expect.stringMatching(/^resource_server\/./) }),
    {
      entity: 'setting',
      kind: 'modified',
      part: 'tags',
      fields: { cost: { from: null, to: '7' } },
    },
  ]);
  const { summary } = await diff(archive, plain, third);
  expect(formatSummary(summary)).toContain('settings: not compared');
});

it('a report from the archive lists the changes of settings', async () => {
  const [first = '', , plain = '', third = ''] = manifests.map(({ snapshot }) => snapshot);
  const report = await archive.report(poolId, { from: first, to: third });
  const { settings } = await mirror.report(poolId, { from: first, to: third });
  expect(report.settings).toEqual(settings);
  expect(settings.map(({ part }) => part)).toContain(`client/${MOBILE}`);
  expect(await renderReport(report)).toContain('Settings that came, went or changed');
  const across = await archive.report(poolId, { from: plain, to: third });
  expect(await renderReport(across)).toContain('Only one of the two snapshots keeps settings');
});
