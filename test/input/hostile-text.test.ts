import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatPrintableCsvLine } from '../../src/cli/display/csv.ts';
import { sendRaw } from '../http/support.ts';
import { filesBelow } from '../support/cli-mirror.ts';
import { type Fleet, openFleet } from '../support/fleet.ts';
import { parseScrape } from '../telemetry/scrape.ts';
import { answersOf, type RawPool } from './odd-pool.ts';
import { HOSTILE_TEXTS } from './odd-text.ts';
import { expectedOf, readArchive, readTables } from './read-back.ts';

/** A pool with such text wherever a person can put it. */
const POOL: RawPool = {
  name: HOSTILE_TEXTS.join(' '),
  users: HOSTILE_TEXTS.map((text, index) => ({
    Username: text,
    UserStatus: text,
    Attributes: [
      { Name: 'sub', Value: `${index}0000000-0000-4000-8000-000000000000` },
      { Name: 'name', Value: text },
      { Name: `custom:${text}`, Value: text },
    ],
    MFAOptions: [{ DeliveryMedium: text, AttributeName: text }],
  })),
  groups: HOSTILE_TEXTS.map((text) => ({ GroupName: text, Description: text, RoleArn: text })),
  members: HOSTILE_TEXTS.map(() => HOSTILE_TEXTS),
};

/** What a terminal acts on: controls, marks that change the order of text, separators of lines. */
const ACTIVE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Expects lines in which there is nothing that a terminal would act on. */
function expectInert(output: string): void {
  for (const line of output.split('\n')) expect(line).not.toMatch(ACTIVE);
}

/** Expects that none of the pool's texts shows, in whatever form. */
function expectNothingRevealed(output: string): void {
  for (const text of HOSTILE_TEXTS) {
    expect(output).not.toContain(text);
    expect(output).not.toContain(JSON.stringify(text).slice(1, -1));
  }
}

let fleet: Fleet;
beforeAll(async () => {
  fleet = await openFleet({ users: 0, groups: 0 });
  answer();
});
afterAll(async () => {
  await fleet.close();
  await fleet.redis.close();
});

function answer(): void {
  fleet.proxy.before = answersOf(POOL, fleet.poolId);
}

/** Runs a command that does its work, with logs of every level. */
async function run(...args: string[]) {
  const { code, stdout, stderr } = await fleet.run(args, { LOG_LEVEL: 'trace' });
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  expectInert(stderr);
  expectNothingRevealed(stderr);
  return stdout;
}

const USERS = `SELECT username, status AS "\u001b[2J", attributes ->> 'name' AS "=1+1"
  FROM directory.users`;

test('a snapshot has it as data alone: in SQL, in files, and in no name of a file', async () => {
  const output = await run('sync');
  expectInert(output);
  expectNothingRevealed(output);
  const expected = expectedOf(POOL);
  expect(await readTables(fleet)).toEqual(expected);
  expect(await readArchive(fleet, 'jsonl')).toEqual(expected);
  expect(await readArchive(fleet, 'parquet')).toEqual(expected);
  const [{ name } = {}] = await fleet.rows('SELECT name FROM directory.pools');
  expect(name).toBe(POOL.name);
  const files = await filesBelow(fleet.folder);
  expect(files).toHaveLength(7);
  for (const file of files) {
    expect(file).toMatch(
      /^archive\/(?:manifests|(?:parquet|jsonl)\/(?:users|groups|memberships))\/pool_id=us-east-1_Simulated\/[\w=/-]+\.(?:json|parquet|jsonl\.gz)$/,
    );
  }
});

describe('query', () => {
  test('shows each row as one line of a table', async () => {
    const table = await run('query', USERS);
    expectInert(table);
    const lines = table.split('\n');
    expect(lines).toHaveLength(2 + HOSTILE_TEXTS.length + 2);
    expect(lines[0]).toMatch(/^username +\| \\u001b\[2J +\| =1\+1 *$/);
  });

  test('gives every value as it is in JSON, which a terminal can be shown', async () => {
    const json = await run('query', '--json', USERS);
    expectInert(json);
    const rows = JSON.parse(json) as Record<string, string>[];
    expect(rows.map(Object.values).sort()).toEqual(
      HOSTILE_TEXTS.map((text) => [text, text, text]).sort(),
    );
  });

  test('gives every value as it is in CSV, formulas too', async () => {
    const [names, ...rows] = parseCsv(await run('query', '--csv', USERS));
    expect(names).toEqual(['username', '\u001b[2J', '=1+1']);
    expect(rows.sort()).toEqual(HOSTILE_TEXTS.map((text) => [text, text, text]).sort());
  });

  test('treats it as text inside a string of SQL', async () => {
    const [row] = await fleet.rows(
      `SELECT string_agg(format('(%L)', text), ',' ORDER BY at) AS literals
       FROM unnest($1::text[]) WITH ORDINALITY AS texts (text, at)`,
      [HOSTILE_TEXTS],
    );
    const json = await run(
      'query',
      '--json',
      `SELECT * FROM (VALUES ${String(row?.['literals'])}) AS t (text)`,
    );
    expect(JSON.parse(json)).toEqual(HOSTILE_TEXTS.map((text) => ({ text })));
  });
});

describe('questions about the history', () => {
  const [first = ''] = HOSTILE_TEXTS;

  test('show it as text alone', async () => {
    for (const args of [
      ['history', fleet.poolId, first],
      ['access', fleet.poolId, first],
      ['access', fleet.poolId, '--user', first],
    ]) {
      for (const form of [[], ['--json']]) expectInert(await run(...args, ...form));
    }
  });

  test('show a difference as text alone', async () => {
    fleet.proxy.before = answersOf({ ...POOL, users: [], groups: [], members: [] }, fleet.poolId);
    await fleet.run(['sync'], { MIRROR_MAX_REMOVED_RATIO: '1' });
    answer();
    await run('sync');
    const text = await run('diff', fleet.poolId);
    expectInert(text);
    expect(text).toContain(`users: ${HOSTILE_TEXTS.length} added`);
    const json = await run('diff', fleet.poolId, '--json');
    expectInert(json);
    expect(JSON.parse(json).changes).toHaveLength(2 * HOSTILE_TEXTS.length);
    const rows = parseCsv(await run('diff', fleet.poolId, '--csv'));
    for (const row of rows) {
      expect(row).toHaveLength(7);
      for (const value of row) expect(value).not.toMatch(/^[=+\-@\t\r]/);
    }
  });
});

test('CSV for a terminal has nothing that it acts on, in as many fields', () => {
  const line = formatPrintableCsvLine([...HOSTILE_TEXTS, null, '']);
  expectInert(line.slice(0, -2));
  expect(parseCsv(line)[0]).toHaveLength(HOSTILE_TEXTS.length + 2);
});

describe('list', () => {
  const itemsOf = (lines: string) =>
    lines
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));

  test('gives users, groups and members as JSON Lines that a terminal can be shown', async () => {
    for (const [args, items] of [
      [['users', fleet.poolId], POOL.users],
      [['groups', fleet.poolId], POOL.groups],
      [['members', fleet.poolId, HOSTILE_TEXTS[8] ?? ''], POOL.users],
    ] as const) {
      const lines = await run('list', ...args);
      expectInert(lines);
      expect(itemsOf(lines)).toEqual(items);
    }
  });

  test('names a token of the service with nothing that a terminal acts on', async () => {
    const token = HOSTILE_TEXTS.join('');
    fleet.proxy.before = () => ({ Users: [{ Username: 'a' }], PaginationToken: token });
    const { stderr } = await fleet.run(['list', 'users', fleet.poolId, '--max-items', '1']);
    answer();
    expect(stderr).toContain('Next token: ');
    expect(stderr.split('\n')).toHaveLength(2);
    expectInert(stderr);
  });
});

test.each([['status'], ['status', '--json'], ['plan'], ['plan', '--json']])(
  '%j reveals nothing of it',
  async (...args) => {
    const output = await run(...args);
    expect(output).toContain(fleet.poolId);
    expectInert(output);
    expectNothingRevealed(output);
  },
);

test('an error of the service that quotes it is reported without it', async () => {
  const all = HOSTILE_TEXTS.join('');
  for (const type of [all, `${HOSTILE_TEXTS[8]}Exception`]) {
    fleet.proxy.before = () => ({ __type: type, message: all, name: all, code: all });
    const { code, stderr } = await fleet.run(['sync'], { LOG_LEVEL: 'trace' });
    answer();
    expect(code).toBe(1);
    expect(stderr).toMatch(/an error that is not documented for this call \(.*HTTP 400\)/);
    expectInert(stderr);
    expectNothingRevealed(stderr);
  }
});

test('a command line that says it is refused without a move', async () => {
  const all = HOSTILE_TEXTS.join('');
  const lines = [[all], ['sync', all], ['status', `--${all}`], ['simulator', '--port', all]];
  for (const args of lines) {
    const { code, stdout, stderr } = await fleet.run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expectInert(stderr);
  }
});

describe('a worker', () => {
  test('reveals nothing of it: in health, metrics and logs, and of no path that is requested', async () => {
    const worker = await fleet.worker({ LOG_LEVEL: 'trace', MIRROR_HTTP_TOKEN: undefined });
    await fleet.trigger();
    expect(await fleet.settled()).toMatchObject({ outcome: 'done' });
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      const response = await fetch(worker.url + path);
      const body = await response.text();
      expect(response.status).toBe(200);
      expectInert(body);
      expectNothingRevealed(body);
      if (path === '/metrics') expect(parseScrape(body).length).toBeGreaterThan(20);
    }
    for (const text of HOSTILE_TEXTS) {
      const raw = Buffer.from(text.replaceAll(/[\r\n\0 ]/g, ''), 'utf8').toString('latin1');
      for (const path of [`/${encodeURIComponent(text)}`, `/${raw}`, `/healthz/../${raw}`]) {
        const output = await sendRaw(
          worker.url,
          `GET ${path} HTTP/1.1\r\nHost: ${text.length}\r\nConnection: close\r\n\r\n`,
        );
        expect(output).toMatch(/^HTTP\/1\.1 4(?:00|04) /);
        expectNothingRevealed(output);
        expect(output).not.toContain(encodeURIComponent(text));
      }
    }
    expectInert(worker.output.stderr);
    expectNothingRevealed(worker.output.stderr);
    worker.child.kill('SIGTERM');
    expect((await worker.result).code).toBe(0);
  });
});

/** Reads CSV by RFC 4180. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(
    /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g,
  )) {
    row.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
