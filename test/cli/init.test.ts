import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv, promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { formatEnvironment } from '../../src/cli/init/environment-text.ts';
import { type CliResult, runCli } from '../support/cli.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { startInTerminal, type TerminalRun } from '../support/terminal.ts';

const FILE = 'cognito-mirror.env';
const SHOP = 'us-east-1_Shop';

let mirror: CliMirror;
let folder: string;
let count = 0;
let env: Record<string, string>;

beforeAll(async () => {
  mirror = await openCliMirror({ users: 30, groups: 2, pools: [SHOP, 'us-east-1_Crm'] });
  // What a new user has: an account, and no settings.
  const settings = ['COGNITO_POOLS', 'DATABASE_URL', 'ARCHIVE_URL'];
  const kept = Object.entries(mirror.env).filter(([name]) => !settings.includes(name));
  env = { ...Object.fromEntries(kept), AWS_REGION: 'us-east-1' };
});
afterAll(() => mirror.close());
beforeEach(async () => {
  count += 1;
  folder = join(mirror.folder, `init-${count}`);
  await mkdir(folder);
});

const init = (args: readonly string[], change: Record<string, string> = {}): Promise<CliResult> =>
  runCli(['init', ...args], { cwd: folder, env: { ...env, ...change } });
const readFileOf = () => readFile(join(folder, FILE), 'utf8');

describe('with options', () => {
  it('writes a file for its owner alone, shows the plan, and the next command works', async () => {
    const { code, stdout, stderr } = await init(
      ['--pools', 'simulated-shop', '--archive-url', './archive', '--schedule', '30 3 * * *'],
      { DATABASE_URL: mirror.databaseUrl },
    );
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^Credentials of account \d{12}: the variable AWS_ACCESS_KEY/),
    });
    expect(stdout).toMatch(/us-east-1_Shop {2}first snapshot\n {2}users +30\n/);
    expect(stdout).toMatch(
      / doctor\nTo take the first snapshot:\n {2}\S.* sync\n.*:\n {2}\S.* dashboard\n$/,
    );
    expect((await stat(join(folder, FILE))).mode & 0o777).toBe(0o600);
    const text = await readFileOf();
    expect(text).toContain(`\nCOGNITO_POOLS=${SHOP}\n`);
    expect(text).toContain(`\nARCHIVE_URL=file://${folder}/archive\n`);
    expect(text).toContain('\nMIRROR_SCHEDULE=30 3 * * *\n');
    expect(text).not.toMatch(/SECRET_ACCESS/);
    // Endpoint, pools, database and archive come from the file.
    const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '', HOME = '' } = env;
    const shell = { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, HOME };
    const sync = await runCli(['sync', '--json'], { cwd: folder, env: shell });
    expect(sync).toMatchObject({ code: 0 });
    expect(JSON.parse(sync.stdout)).toMatchObject({ snapshots: [{ poolId: SHOP }] });
    expect(await readdir(join(folder, 'archive'))).toContain('manifests');
    const { port } = new URL(mirror.proxy.url);
    const taken = await runCli(['dashboard', '--port', port], { cwd: folder, env: shell });
    const refusal = `--port: port ${port} on 127.0.0.1 is in use.`;
    expect(taken).toMatchObject({ code: 2, stderr: expect.stringContaining(refusal) });
    // A variable of the environment counts first, also if it is empty.
    const without = await runCli(['sync'], { cwd: folder, env: { ...shell, COGNITO_POOLS: '' } });
    expect(without).toMatchObject({ code: 2, stderr: expect.stringContaining('no pool is named') });
  });

  it.each<[string, string[], Record<string, string>, RegExp]>([
    ['no pools named', [], {}, /--pools: is missing, and there is no terminal to ask/],
    ['a pool that is not there', ['--pools', 'nowhere'], {}, /has no pool "nowhere" in us-east-1/],
    [
      'a pool of another Region',
      ['--pools', 'eu-west-1_Far'],
      {},
      /eu-west-1_Far is in another Region than us-east-1.* Set AWS_REGION=eu-west-1 and/,
    ],
    [
      'an account without pools',
      ['--pools', 'all'],
      { AWS_REGION: 'eu-west-1' },
      /no user pool in eu-west-1/,
    ],
    ['no Region', ['--pools', 'all'], { AWS_REGION: '' }, /AWS_REGION: no Region is set/],
    [
      'no credentials',
      ['--pools', 'all'],
      { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_EC2_METADATA_DISABLED: 'true' },
      /AWS credentials: not found in the environment/,
    ],
    [
      'a database that cannot be reached',
      ['--pools', 'all', '--database-url', 'postgres://u:s3cret@127.0.0.1:1/x'],
      {},
      /DATABASE_URL \(postgres:.*127\.0\.0\.1:1\/x\): no server listens/,
    ],
    [
      'a wrong schedule',
      ['--pools', 'all', '--schedule', 'daily'],
      {},
      /MIRROR_SCHEDULE: must be a cron/,
    ],
    [
      'an archive that cannot be written',
      ['--pools', 'all', '--archive-url', '/etc/passwd/archive'],
      {},
      /ARCHIVE_URL: the folder \/etc\/passwd.* cannot be written/,
    ],
  ])('refuses %s, and leaves nothing behind', async (_, args, change, message) => {
    const { code, stderr } = await init(args, change);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
    expect(stderr).not.toContain('s3cret');
    expect(await readdir(folder)).toEqual([]);
  });

  it('says that credentials have expired', async () => {
    mirror.proxy.before = () => ({ __type: 'ExpiredTokenException', message: 'expired' });
    const { code, stderr } = await init(['--pools', 'all']);
    mirror.proxy.before = () => undefined;
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('expired') });
    expect(await readdir(folder)).toEqual([]);
  });

  it('overwrites nothing, not even a link to nowhere', async () => {
    await symlink('/nowhere', join(folder, FILE));
    const { code, stderr } = await init(['--pools', 'all']);
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('exists in'),
    });
  });
});

describe('the file', () => {
  it('that every user can write is not read', async () => {
    await writeFile(join(folder, FILE), 'COGNITO_POOLS=us-east-1_Evil\n');
    await chmod(join(folder, FILE), 0o666);
    const { code, stderr } = await runCli(['status'], { cwd: folder, env });
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`${FILE}: is not read, because every user can write it.`),
    });
  });

  it('is refused whole if it has a name that this program does not know, without its value', async () => {
    const program = join(folder, 'ran');
    await writeFile(join(folder, 'config'), `[default]\ncredential_process = touch ${program}\n`);
    const refused = [
      'AWS_CONFIG_FILE',
      'AWS_ENDPOINT_URL',
      'AWS_ENDPOINT_URL_STS',
      'HTTPS_PROXY',
      'NODE_OPTIONS',
      'NODE_TLS_REJECT_UNAUTHORIZED',
    ];
    const lines = refused.map((name) => `${name}=${join(folder, 'config')}\n`);
    await writeFile(join(folder, FILE), ['MIRROR_HOME=home\n', ...lines].join(''));
    const others = Object.fromEntries(
      Object.entries(env).filter(([name]) => !/^AWS_.*KEY/.test(name)),
    );
    const { code, stderr } = await runCli(['plan', SHOP], { cwd: folder, env: others });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining(
        `${FILE}: is not read, because it sets ${refused.join(', ')}`,
      ),
    });
    expect(stderr).not.toContain(folder);
    expect((await readdir(folder)).sort()).toEqual([FILE, 'config']);
  });

  it('may have what the environment sets, as where a service reads it too', async () => {
    await writeFile(join(folder, FILE), 'HTTPS_PROXY=http://127.0.0.1:1\nLOG_LEVEL=info\n');
    const change = { HTTPS_PROXY: '', MIRROR_HOME: join(folder, 'home') };
    const { code } = await runCli(['plan', SHOP], { cwd: folder, env: { ...env, ...change } });
    expect(code).toBe(0);
  });

  it('that is a pipe does not stop a command', async () => {
    await promisify(execFile)('mkfifo', ['-m', '600', join(folder, FILE)]);
    expect((await runCli(['--version'], { cwd: folder, env })).code).toBe(0);
  });
});

test('the file has the endpoint of each service in place of that of all', () => {
  const answers = { COGNITO_POOLS: SHOP };
  const shell = {
    AWS_PROFILE: 'shop',
    AWS_ENDPOINT_URL: 'http://127.0.0.1:4566',
    AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9000',
    AWS_CONFIG_FILE: '/elsewhere',
  };
  expect(parseEnv(formatEnvironment(answers, shell))).toEqual({
    ...answers,
    AWS_PROFILE: 'shop',
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: 'http://127.0.0.1:4566',
    AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9000',
    AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:4566',
  });
});

describe('on a terminal', () => {
  let run: TerminalRun;
  afterEach(() => run.end());

  /** Types an answer, and waits for what comes after it. */
  const answer = async (keys: string, next: string | RegExp) => {
    const before = run.shown().length;
    run.type(keys);
    await expect.poll(() => run.shown().slice(before)).toMatch(next);
  };

  it('asks, says why an answer is wrong and asks again', async () => {
    run = await startInTerminal(['init'], { cwd: folder, env, size: [80, 30] });
    await expect.poll(run.shown).toMatch(/2 \| us-east-1_Shop \| simulated-shop \| +30/);
    await expect.poll(run.shown).toContain('or all: ');
    await answer('7\r', /has no pool "7"[\s\S]*or all: /);
    await answer('1,2\r', 'embedded [embedded]: ');
    await answer('postgres://u@127.0.0.1:1/x\r', /no server listens[\s\S]*embedded \[embedded\]: /);
    await answer(`${mirror.databaseUrl}\r`, 'a folder, or embedded [embedded]: ');
    await answer('~ann/a\r', /must be a URL[\s\S]*\[embedded\]: /);
    await answer('~/kept here\r', /Trying it …[\s\S]*\[none\]: /);
    await answer('\r', '[0 2 * * *]: ');
    await answer('\r', '[UTC]: ');
    await answer('Mars/Olympus\r', /must be the name of a time zone[\s\S]*\[UTC\]: /);
    await answer('Europe/Berlin\r', 'To take the first snapshot:');
    await expect.poll(run.exitCode).toBe(0);
    const text = await readFileOf();
    expect(text).toContain(`\nCOGNITO_POOLS=us-east-1_Crm,${SHOP}\n`);
    expect(text).toContain('\nMIRROR_TIMEZONE=Europe/Berlin\n');
    expect(text).toContain(`\nARCHIVE_URL=file://${env['HOME']}/kept%20here\n`);
  });

  it('wraps an error between words', async () => {
    await writeFile(join(folder, FILE), '');
    run = await startInTerminal(['init'], { cwd: folder, env, size: [50, 30] });
    await expect.poll(run.exitCode).toBe(2);
    expect(run.shown().trim().split('\r\n')).toEqual([
      'cognito-mirror: cognito-mirror.env: exists in this',
      'folder. Edit it, or delete it and run init again:',
      'no file is overwritten.',
    ]);
  });

  it.each<[string, (run: TerminalRun) => void]>([
    ['Ctrl-C', (each) => each.type('\u0003')],
    ['Ctrl-D', (each) => each.type('\u0004')],
    ['a closed terminal', (each) => each.closeTerminal()],
  ])('leaves nothing behind on %s', async (_, leave) => {
    run = await startInTerminal(['init'], { cwd: folder, env });
    await expect.poll(run.shown).toContain('or all: ');
    leave(run);
    // SIGHUP can come after the end of its input, when nothing is left to stop.
    await expect.poll(run.exitCode).toBeOneOf([129, 130]);
    expect(await readdir(folder)).toEqual([]);
  });
});
