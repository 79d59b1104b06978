import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliMirror, filesBelow, openCliMirror } from '../support/cli-mirror.ts';

/** Reports of an archive that is signed from its second snapshot on. */
let mirror: CliMirror;
let POOL: string;
let signed: string;

const MAIN = fileURLToPath(new URL('../../bin/cognito-mirror.mjs', import.meta.url));
const KEY = { ARCHIVE_SIGNING_KEY: 'key' };

beforeAll(async () => {
  mirror = await openCliMirror({ users: 130, groups: 3 });
  POOL = mirror.poolId;
  const made = await mirror.run(['keygen', '--out', 'key']);
  writeFileSync(path('allowed_signers'), made.stdout);
  await mirror.sync();
  mirror.pool.createGroup('auditors', { precedence: 0, roleArn: 'arn:aws:iam::1:role/Audit' });
  mirror.pool.createUser({ username: 'newcomer', status: 'CONFIRMED' });
  mirror.pool.addToGroup('newcomer', 'auditors');
  const { reports } = await mirror.sync([], KEY);
  signed = reports[0]?.snapshot as string;
}, 120_000);
afterAll(() => mirror.close());

const path = (name: string) => join(mirror.folder, name);
const report = (args: readonly string[]) => mirror.run(['report', POOL, ...args]);
const read = (name: string) => readFileSync(path(name), 'utf8');

/** The commands that a page shows, as a person would copy them. */
function commandsOf(page: string): string[] {
  const entities: Record<string, string> = { '&#39;': "'", '&lt;': '<', '&gt;': '>', '&amp;': '&' };
  return [...page.matchAll(/<pre><code>(.*?)<\/code><\/pre>/gs)].map(([, code = '']) =>
    code.replaceAll(/&[^;]+;/g, (entity) => entities[entity] ?? entity),
  );
}

test('writes one private page, says what it found, and overwrites nothing', async () => {
  const { code, stdout, stderr } = await report(['--out', 'plain.html']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.split('\n');
  expect(lines[0]).toMatch(new RegExp(`^${POOL}: wrote the report of \\d+T\\d+Z to ${signed}\\.$`));
  expect(lines[1]).toBe('  plain.html');
  expect(lines[2]).toMatch(/^ {2}complete {2}yes {6}All 6 walks .* 131 users were read/);
  expect(lines[3]).toMatch(/^ {2}intact {4}yes {6}All \d+ objects of the archive were read/);
  expect(lines[4]).toMatch(/^ {2}signed {4}unknown {2}The signature is sound\. Whose key it is/);
  expect(statSync(path('plain.html')).mode & 0o777).toBe(0o600);
  const page = read('plain.html');
  expect(page).toMatch(/^<!doctype html>\n<html lang="en">.*<\/html>\n$/s);
  expect(page).toContain('<span class="quiet">joined</span> <bdi>newcomer</bdi>');

  const again = await report(['--out', 'plain.html']);
  expect(again).toMatchObject({ code: 2, stdout: '' });
  expect(again.stderr).toBe(
    'cognito-mirror: --out: plain.html exists. Give another name: no file is overwritten.\n',
  );
  expect(read('plain.html')).toBe(page);
});

test('its commands, typed in the archive, prove it', async () => {
  const { stdout } = await report(['--out', 'signed.html', '--signers', 'allowed_signers']);
  expect(stdout).toMatch(/ {2}signed {4}yes {6}Signed by cognito-mirror, with a key/);
  mkdirSync(path('bin'));
  writeFileSync(
    path('bin/cognito-mirror'),
    `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`,
  );
  chmodSync(path('bin/cognito-mirror'), 0o755);
  writeFileSync(join(mirror.archive, 'allowed_signers'), read('allowed_signers'));
  const commands = commandsOf(read('signed.html'));
  const outputs = commands.map((command) =>
    execFileSync('/bin/sh', ['-c', command], {
      cwd: mirror.archive,
      encoding: 'utf8',
      env: { ...mirror.env, PATH: `${path('bin')}:${process.env.PATH}` },
    }),
  );
  expect(outputs).toEqual([
    expect.stringMatching(/^manifests\/.*\.json: OK\n$/),
    expect.stringMatching(/^Good "cognito-mirror-manifest" signature for cognito-mirror /),
    expect.stringMatching(new RegExp(`^${POOL}: valid\n`)),
  ]);
});

test('takes the period of an audit: a last day is included', async () => {
  const today = new Date().toISOString().slice(0, 10);
  const { code, stdout } = await report(['--to', today, '--out', 'period.html', '--limit', '1']);
  expect({ code, start: stdout.split('\n')[0] }).toMatchObject({
    code: 0,
    start: expect.stringContaining(` to ${signed}.`),
  });
  expect(read('period.html')).toMatch(/1 of \d+ users/);
});

test('is made from an archive alone, without a database', async () => {
  const archive = pathToFileURL(mirror.archive).href;
  const { code, stdout, stderr } = await mirror.run(
    ['report', POOL, '--archive', archive, '--signers', 'allowed_signers', '--out', 'copy.html'],
    { DATABASE_URL: undefined, ARCHIVE_URL: undefined, MIRROR_HOME: 'nowhere' },
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/complete {2}unknown {2}An archive does not record how/);
  expect(stdout).toMatch(/intact {4}yes .*\n {2}signed {4}yes /);
  expect(existsSync(path('nowhere'))).toBe(false);
  expect(read('copy.html')).toContain('<span class="quiet">joined</span> <bdi>newcomer</bdi>');
});

describe('an archive that is not what was sealed', () => {
  test('that was never signed is not signed', async () => {
    const [, first = ''] =
      /wrote the report of (\S+)/.exec((await report(['--out', 'a.html'])).stdout) ?? [];
    const { stdout } = await report(['--to', first, '--out', 'unsigned.html']);
    expect(stdout).toMatch(/signed {4}no {7}The manifest has no signature/);
    expect(read('unsigned.html')).toContain('This one is not signed.');
    const strict = await report(['--to', first, '--out', 'b.html', '--signers', 'allowed_signers']);
    expect(strict.stdout).toMatch(/intact {4}yes .*\n {2}signed {4}no {7}unsigned: /);
  });

  test('that was altered is not intact', async () => {
    const files = await filesBelow(mirror.archive);
    const part = files.find(
      (name) => name.includes('jsonl/users') && name.includes(signed),
    ) as string;
    const file = join(mirror.archive, part);
    const bytes = readFileSync(file);
    chmodSync(file, 0o600);
    writeFileSync(file, Buffer.concat([bytes, Buffer.from('x')]));
    const { code, stdout } = await report(['--out', 'altered.html']);
    writeFileSync(file, bytes);
    expect(code).toBe(0);
    expect(stdout).toMatch(/intact {4}no {7}appended: jsonl\/users/);
    expect(read('altered.html')).toMatch(
      /class="judgement no"><h2>Intact<\/h2><p class="answer">No</,
    );
  });

  test('that is elsewhere is unknown or missing, and the page is still made', async () => {
    const elsewhere = { ARCHIVE_URL: 'file:///nowhere/at/all' };
    const { code, stdout } = await mirror.run(['report', POOL, '--out', 'gone.html'], elsewhere);
    expect(code).toBe(0);
    expect(stdout).toMatch(/complete {2}yes .*\n {2}intact {4}(no|unknown) /);
  });
});

test.each([
  ['nothing is left', ['--to', '20200101T000000Z'], /to: this snapshot does not exist/],
  ['a count is a number', ['--limit', 'many'], /'--limit <n>' argument 'many' is invalid/],
  ['signers must be there', ['--signers', 'nobody'], /signers: nobody cannot be read \(ENOENT\)/],
])('of a wrong command %s', async (_, args, message) => {
  const { code, stderr } = await report([...args, '--out', 'wrong.html']);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
  expect(existsSync(path('wrong.html'))).toBe(false);
  expect(existsSync(path('wrong.html.part'))).toBe(false);
});
