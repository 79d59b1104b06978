import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliMirror, filesBelow, openCliMirror } from '../support/cli-mirror.ts';
import { csvRecords } from './csv-records.ts';

/** The review of two groups, exported from the first snapshot by the commands that a person would use. */
let mirror: CliMirror;
let POOL: string;
let exported: string;
let snapshots: string[];

const ADMIN = 'arn:aws:iam::123456789012:role/Admin';
const HEADER =
  'pool,group,role,username,name,email,status,enabled,member_since,decision,reviewer,reason';

beforeAll(async () => {
  mirror = await openCliMirror({ users: 0, groups: 0 });
  POOL = mirror.poolId;
  const { pool } = mirror;
  const status = 'CONFIRMED';
  pool.createGroup('admins', { precedence: 1, roleArn: ADMIN });
  pool.createGroup('staff', {});
  pool.createGroup('empty', {});
  for (const username of ['+491701', 'ann', 'bob', 'carol', 'dave']) {
    const attributes = { email: `${username}@example.com`, name: `=1+1, "${username}"` };
    pool.createUser({ username, status, attributes });
    pool.addToGroup(username, 'staff');
  }
  pool.addToGroup('ann', 'admins');
  pool.addToGroup('bob', 'admins');
  await mirror.sync();
  const made = await mirror.run(['keygen', '--out', 'key']);
  writeFileSync(join(mirror.folder, 'allowed_signers'), made.stdout);
  const { code, stdout, stderr } = await review(['export', POOL, '--out', 'review.csv']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(
    /^us-east-1_Simulated: exported 7 memberships in 3 groups at \d+T\d+Z\.\n/,
  );
  exported = readFileSync(path('review.csv'), 'utf8');

  pool.removeFromGroup('bob', 'admins');
  pool.removeFromGroup('+491701', 'staff');
  pool.removeFromGroup('carol', 'staff');
  pool.deleteUser('dave');
  pool.createUser({ username: 'dave', status });
  pool.addToGroup('dave', 'staff');
  await mirror.sync();
  pool.addToGroup('carol', 'staff');
  await mirror.sync();
  const rows = await mirror.rows<{ snapshot: string }>(
    'SELECT snapshot FROM directory.snapshots ORDER BY snapshot_at',
  );
  snapshots = rows.map(({ snapshot }) => snapshot);
}, 120_000);
afterAll(() => mirror.close());

const path = (name: string) => join(mirror.folder, name);
const review = (args: readonly string[], env = { ARCHIVE_SIGNING_KEY: 'key' }) =>
  mirror.run(['access-review', ...args], env);

/** Writes a copy of the export under another name, with its receipt. */
function copy(name: string, change: (text: string) => string, withReceipt = true): string {
  writeFileSync(path(name), change(exported));
  for (const end of withReceipt ? ['.receipt.json', '.receipt.json.sig'] : []) {
    writeFileSync(path(name + end), readFileSync(path(`review.csv${end}`)));
  }
  return name;
}

/** Decides about rows: `staff,bob` is a row's group and user. */
const decide = (decisions: Readonly<Record<string, string>>) => (text: string) =>
  text
    .split('\r\n')
    .map((line) => {
      const [, group, , user] = line.split(',');
      const decision = decisions[`${group},${user}`] ?? '';
      return line.replace(/,,,$/, `,${decision},eve,"as ""agreed"", in May"`);
    })
    .join('\r\n');

async function check(name: string) {
  const { code, stdout, stderr } = await review(['check', name, '--json']);
  return { code, stderr, document: stdout === '' ? null : JSON.parse(stdout) };
}

describe('export', () => {
  test('writes the memberships for a spreadsheet, without a formula', () => {
    const lines = exported.split('\r\n');
    expect(lines[0]).toBe(HEADER);
    expect(lines).toHaveLength(9);
    const since = snapshots[0]?.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6.000Z');
    expect(lines[1]).toBe(
      `${POOL},admins,${ADMIN},ann,"'=1+1, ""ann""",ann@example.com,CONFIRMED,yes,${since},,,`,
    );
    expect(lines[3]).toContain(`${POOL},staff,,'+491701,"'=1+1, `);
  });

  test('writes a signed receipt that ssh-keygen verifies, in private files', () => {
    const receipt = JSON.parse(readFileSync(path('review.csv.receipt.json'), 'utf8'));
    expect(receipt).toEqual({
      version: 1,
      kind: 'access-review',
      program: expect.stringMatching(/^cognito-mirror\/\d/),
      poolId: POOL,
      snapshot: snapshots[0],
      exportedAt: expect.any(String),
      groups: ['admins', 'empty', 'staff'],
      rows: 7,
      sha256: createHash('sha256').update(exported).digest('hex'),
      rowsSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      head: { snapshot: snapshots[0], sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    const good = execFileSync(
      'ssh-keygen',
      [
        ...['-Y', 'verify', '-f', path('allowed_signers'), '-I', 'cognito-mirror'],
        ...['-n', 'cognito-mirror-receipt', '-s', path('review.csv.receipt.json.sig')],
      ],
      { input: readFileSync(path('review.csv.receipt.json')), encoding: 'utf8' },
    );
    expect(good).toContain('Good "cognito-mirror-receipt" signature for cognito-mirror');
    for (const end of ['', '.receipt.json', '.receipt.json.sig']) {
      expect(statSync(path(`review.csv${end}`)).mode & 0o777).toBe(0o600);
    }
  });

  test('documents a hash of the rows that anybody can compute', async () => {
    const [, ...records] = await csvRecords([exported]);
    const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest();
    const rows = records.map(({ fields }) =>
      JSON.stringify(fields.slice(0, 9).map((field) => field.replace(/^'+/, ''))),
    );
    const sorted = rows.map(sha256).sort((a, b) => a.compare(b));
    const receipt = JSON.parse(readFileSync(path('review.csv.receipt.json'), 'utf8'));
    expect(sha256(Buffer.concat(sorted)).toString('hex')).toBe(receipt.rowsSha256);
  });

  test('takes groups and a point', async () => {
    const args = ['export', POOL, 'staff', 'empty', '--at', snapshots[1] as string];
    const { stdout } = await review([...args, '--out', 'staff.csv']);
    expect(stdout).toContain(`exported 3 memberships in 2 groups at ${snapshots[1]}.`);
    const users = readFileSync(path('staff.csv'), 'utf8').split('\r\n').slice(1, -1);
    expect(users.map((line) => line.split(',')[3])).toEqual(['ann', 'bob', 'dave']);
  });

  test('without a key writes an unsigned receipt, and says so', async () => {
    const { code, stdout } = await review(['export', POOL, 'empty', '--out', 'plain.csv'], {
      ARCHIVE_SIGNING_KEY: '',
    });
    expect(code).toBe(0);
    expect(stdout).toContain('The receipt is not signed: ARCHIVE_SIGNING_KEY is not set.\n');
    expect(existsSync(path('plain.csv.receipt.json.sig'))).toBe(false);
    expect(readFileSync(path('plain.csv'), 'utf8')).toBe(`${HEADER}\r\n`);
    expect(await check('plain.csv')).toMatchObject({
      code: 0,
      document: { poolId: null, receipt: { signedBy: null }, revocations: [] },
    });
  });

  test.each<[string, string[], RegExp]>([
    ['a file that exists', [], /--out: review\.csv exists\. Give another name/],
    [
      'a folder that is missing',
      ['--out', 'none/a.csv'],
      /--out: there is no folder \S+\/none\. Make it with `mkdir -p /,
    ],
    ['an unknown group', ['admins', 'x', '--out', 'a.csv'], /GROUP 2: \S+ has no group with this/],
    ['a wrong time', ['--at', 'May', '--out', 'a.csv'], /AT: is not a point in the history/],
    [
      'a held snapshot',
      ['--at', 'held', '--out', 'a.csv'],
      /AT: names a held snapshot, which is not published\. Give a published one\. Only TO of `diff` takes `held` and `now`\./,
    ],
  ])('refuses %s, and leaves no file', async (_, args, problem) => {
    const before = await filesBelow(mirror.folder);
    const all = args.includes('--out') ? args : [...args, '--out', 'review.csv'];
    const { code, stdout, stderr } = await review(['export', POOL, ...all]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(problem);
    expect(await filesBelow(mirror.folder)).toEqual(before);
    expect(readFileSync(path('review.csv'), 'utf8')).toBe(exported);
  });

  test('refuses a receipt that exists, and a key that cannot be used', async () => {
    writeFileSync(path('b.csv.receipt.json'), 'mine');
    const { code, stderr } = await review(['export', POOL, '--out', 'b.csv']);
    expect(code).toBe(2);
    expect(stderr).toContain('--out: b.csv.receipt.json exists.');
    expect(existsSync(path('b.csv'))).toBe(false);
    expect(readFileSync(path('b.csv.receipt.json'), 'utf8')).toBe('mine');
    const keyless = await review(['export', POOL, '--out', 'c.csv'], {
      ARCHIVE_SIGNING_KEY: 'no-key',
    });
    expect(keyless).toMatchObject({ code: 2, stdout: '' });
    expect(existsSync(path('c.csv'))).toBe(false);
  });
});

describe('check', () => {
  test('names the first snapshot without a revoked membership, or says that it is there', async () => {
    const decisions = {
      ...{ 'admins,ann': 'keep', 'admins,bob': 'revoke', "staff,'+491701": 'revoke' },
      ...{ 'staff,ann': 'revoke', 'staff,carol': 'revoke', 'staff,dave': 'revoke' },
    };
    const name = copy('decided.csv', decide(decisions));
    const { code, stderr, document } = await check(name);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const memberSince = expect.any(String);
    const gone = { memberSince, state: 'gone', goneSince: snapshots[1], backSince: null };
    const there = { memberSince, state: 'there', goneSince: null, backSince: null };
    expect(document).toEqual({
      poolId: POOL,
      snapshot: snapshots[2],
      receipt: {
        snapshot: snapshots[0],
        exportedAt: expect.any(String),
        signedBy: expect.stringMatching(/^SHA256:/),
      },
      decisions: { keep: 1, revoke: 5, undecided: 1 },
      revocations: [
        { line: 3, groupName: 'admins', username: 'bob', ...gone },
        { line: 4, groupName: 'staff', username: '+491701', ...gone },
        { line: 5, groupName: 'staff', username: 'ann', ...there },
        {
          ...{ line: 7, groupName: 'staff', username: 'carol', ...there },
          ...{ goneSince: snapshots[1], backSince: snapshots[2] },
        },
        { line: 8, groupName: 'staff', username: 'dave', ...gone },
      ],
      summary: { there: 2, gone: 3, unknown: 0 },
    });
    const { stdout } = await review(['check', name]);
    expect(stdout.replace(/SHA256:[\w+/]+/, 'SHA256:…').split('\n')).toEqual([
      `${POOL} at ${snapshots[2]}`,
      '  decisions  keep 1, revoke 5, undecided 1',
      `  receipt    7 rows unchanged since the export of ${snapshots[0]}, signed by SHA256:…`,
      `  line 3: bob in admins: gone since ${snapshots[1]}`,
      `  line 4: +491701 in staff: gone since ${snapshots[1]}`,
      '  line 5: ann in staff: still there',
      `  line 7: carol in staff: still there: gone since ${snapshots[1]}, back since ${snapshots[2]}`,
      `  line 8: dave in staff: gone since ${snapshots[1]}`,
      'revoked memberships: 2 still there, 3 gone',
      '',
    ]);
  });

  test('exits with 0 if all revoked ones are gone, or nothing is decided', async () => {
    const gone = await check(copy('gone.csv', decide({ 'admins,bob': 'Revoke ' })));
    expect(gone).toMatchObject({ code: 0, document: { summary: { there: 0, gone: 1 } } });
    const undecided = await check('review.csv');
    expect(undecided).toMatchObject({ code: 0, document: { decisions: { undecided: 7 } } });
  });

  test.each<[string, (text: string) => string]>([
    ['a byte order mark', (text) => `\ufeff${text}`],
    ['line feeds', (text) => text.replaceAll('\r\n', '\n')],
    ['carriage returns', (text) => text.replaceAll('\r\n', '\r')],
    ['no last line end', (text) => text.trimEnd()],
    ['no apostrophes', (text) => text.replaceAll("'", '')],
    ['more apostrophes', (text) => text.replaceAll(',staff,', ",'staff,")],
    ['all fields quoted', quoteAll(',')],
    ['semicolons', quoteAll(';')],
    ['other times', (text) => text.replaceAll(/T(..:..:..)\.000Z/g, ' $1')],
    ['the rows in another order', (text) => sortRows(text)],
    ['empty lines', (text) => `${text},,,,,,,,,,,\r\n\r\n`],
  ])('accepts a file with %s', async (_, change) => {
    const decided = decide({ 'staff,ann': 'revoke', "staff,'+491701": 'revoke' });
    const name = copy('saved.csv', (text) => change(decided(text)));
    const { code, stderr, document } = await check(name);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(document).toMatchObject({
      receipt: { snapshot: snapshots[0] },
      summary: { there: 1, gone: 1, unknown: 0 },
    });
  });

  test.each<[string, (text: string) => string, RegExp]>([
    [
      'another decision',
      decide({ 'admins,bob': 'revoke', 'staff,bob': 'maybe' }),
      /bad\.csv line 6: the decision must be keep, revoke or empty\./,
    ],
    ['a changed value', (text) => text.replace('CONFIRMED', 'UNKNOWN'), /rows are not those of/],
    [
      'a missing row',
      (text) => text.replace(/\r\n[^\r]*staff,,ann[^\r]*/, ''),
      /has 6 rows, but its receipt has 7/,
    ],
    ['an open quote', (text) => `${text}"open`, /bad\.csv line 9: a quote is not closed/],
    ['no columns', () => 'a,b\r\n1,2\r\n', /line 1: has no column pool, group, role/],
    ['no content', () => '', /line 1: is missing: the file is empty/],
    ['another pool', (text) => text.replace(`${POOL},staff`, 'eu-west-1_X,staff'), /another pool/],
    ['no time', (text) => text.replace(/20..-..-..T/, 'T'), /line 2: pool, group, username or/],
  ])('refuses %s', async (_, change, problem) => {
    const { code, stderr, document } = await check(copy('bad.csv', change));
    expect({ code, document }).toEqual({ code: 2, document: null });
    expect(stderr).toMatch(problem);
    expect(stderr).not.toMatch(/@example|ann|maybe/);
  });

  test('refuses a receipt that was changed, and a file that is not UTF-8', async () => {
    const name = copy('forged.csv', (text) => text);
    const receipt = readFileSync(path(`${name}.receipt.json`), 'utf8');
    writeFileSync(path(`${name}.receipt.json`), receipt.replace('"empty"', '"Empty"'));
    const forged = await check(name);
    expect(forged.code).toBe(2);
    expect(forged.stderr).toContain('its signature is wrong: it is not a signature of these bytes');
    writeFileSync(path('latin.csv'), Buffer.from(`${HEADER}\r\nä`, 'latin1'));
    const latin = await check('latin.csv');
    expect(latin).toMatchObject({ code: 2, stderr: expect.stringContaining('is not in UTF-8.') });
    const none = await check('none.csv');
    expect(none.stderr).toContain('none.csv: cannot be read (ENOENT).');
  });

  test('works without a receipt, and exits with 2 for a membership that never was', async () => {
    const decided = decide({ 'admins,bob': 'revoke' });
    const known = copy('alone.csv', decided, false);
    expect(await check(known)).toMatchObject({ code: 0, document: { receipt: null } });
    const { stdout } = await review(['check', known]);
    expect(stdout).toContain('  receipt    none beside the file: ');
    rmSync(path(known));
    const unknown = copy('alone.csv', (text) => decided(text).replace(',bob,', ',rob,'), false);
    expect(await check(unknown)).toMatchObject({
      code: 2,
      document: { revocations: [{ username: 'rob', state: 'unknown' }] },
    });
  });
});

/** A file as a spreadsheet saves it: every field in quotes, and another delimiter. */
function quoteAll(delimiter: string): (text: string) => string {
  return (text) =>
    text
      .split('\r\n')
      .map((line) =>
        [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)]
          .map(([, quoted, plain]) => `"${quoted ?? plain ?? ''}"`)
          .join(delimiter),
      )
      .filter((line) => line !== '""')
      .join('\r\n');
}

function sortRows(text: string): string {
  const [header = '', ...rows] = text.trimEnd().split('\r\n');
  return `${[header, ...rows.reverse()].join('\r\n')}\r\n`;
}
