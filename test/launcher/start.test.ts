import { spawn } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../support/temp.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** Stands in for the compiler: it takes a while, and leaves a program that says what it was given. */
const COMPILER = `
  const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs');
  const out = process.argv[process.argv.indexOf('--outDir') + 1];
  appendFileSync('compilations', 'x');
  if (require('node:fs').readFileSync('src/a.ts', 'utf8') === 'wrong') {
    console.log('src/a.ts(1,1): error TS1: it is wrong');
    process.exit(1);
  }
  setTimeout(() => {
    for (const folder of ['/cli', '/simulator']) mkdirSync(out + folder, { recursive: true });
    for (const entry of ['/index.d.ts', '/simulator/index.d.ts']) writeFileSync(out + entry, '');
    writeFileSync(out + '/cli/main.js', \`
      process.on('SIGTERM', () => process.exit(7));
      console.log('ran ' + process.argv.slice(2).join(' '));
      if (process.argv.includes('wait')) setInterval(() => {}, 1000);
      process.exitCode = 3;\`);
  }, 300);`;

let checkout: string;

/** A checkout of nothing but the launcher, with nothing to install. */
beforeEach(async () => {
  const { path, remove } = await temporaryFolder();
  onTestFinished(remove);
  checkout = path;
  for (const name of ['bin', 'scripts', 'src/postgres/embedded/file-lock.js']) {
    await cp(join(PROJECT, name), join(checkout, name), { recursive: true });
  }
  await writeFile(join(checkout, 'src/a.ts'), 'right');
  for (const name of ['tsconfig.json', 'tsconfig.build.json']) {
    await writeFile(join(checkout, name), '{}');
  }
  await lockPackages({});
  await mkdir(join(checkout, 'node_modules/typescript/bin'), { recursive: true });
  await writeFile(join(checkout, 'node_modules/typescript/package.json'), '{}');
  await writeFile(join(checkout, 'node_modules/typescript/bin/tsc'), COMPILER);
});

/** Makes the checkout depend on these packages, by the paths that package-lock.json has for them. */
async function lockPackages(packages: Record<string, Record<string, unknown>>): Promise<void> {
  const dependencies = Object.fromEntries(
    Object.entries(packages).map(([path, { version }]) => [
      path.slice('node_modules/'.length),
      version,
    ]),
  );
  const root = { name: 'c', version: '1.0.0', type: 'module', dependencies };
  const lock = { name: 'c', lockfileVersion: 3, packages: { '': root, ...packages } };
  await writeFile(join(checkout, 'package.json'), JSON.stringify(root));
  await writeFile(join(checkout, 'package-lock.json'), JSON.stringify(lock));
}

/** Runs the launcher as npm would; `child` is its process, `result` what became of it. */
function start(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(checkout, 'scripts/start.mjs'), ...args], {
    cwd: checkout,
    env: { PATH: process.env.PATH, HOME: checkout, ...env },
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const result = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, ...output }));
  });
  return { child, output, result };
}

async function compilations(): Promise<number> {
  return (await readFile(join(checkout, 'compilations'), 'utf8')).length;
}

test('builds what is missing, runs the program with its arguments, and gives its exit code', async () => {
  expect(await start(['demo', '--users', '5']).result).toEqual({
    code: 3,
    stdout: 'ran demo --users 5\n',
    stderr: 'cognito-mirror: building (a few seconds) …\n',
  });
  expect(await start(['demo']).result).toEqual({ code: 3, stdout: 'ran demo\n', stderr: '' });
  await writeFile(join(checkout, 'src/a.ts'), 'changed');
  expect((await start(['demo']).result).stderr).toContain('building');
  expect(await compilations()).toBe(2);
  expect((await readdir(checkout)).filter((name) => /^dist\.|^\.launcher/.test(name))).toEqual([]);
});

test('of two at once one builds, and the other says that it waits', async () => {
  const results = await Promise.all([start(['demo']).result, start(['demo']).result]);
  expect(results.map(({ code }) => code)).toEqual([3, 3]);
  expect(await compilations()).toBe(1);
  const output = results.map(({ stderr }) => stderr).join('');
  expect(output).toContain('building');
  expect(output).toContain('another process is installing or building here; waiting for it');
});

test('a build that fails says why, and leaves the program that there was', async () => {
  await start(['demo']).result;
  await writeFile(join(checkout, 'src/a.ts'), 'wrong');
  const { code, stdout, stderr } = await start(['demo']).result;
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('src/a.ts(1,1): error TS1: it is wrong');
  expect(await readdir(join(checkout, 'dist'))).toContain('cli');
});

test('a compiler that lacks its package for the platform is explained', async () => {
  const compiler = join(checkout, 'node_modules/typescript/bin/tsc');
  await writeFile(compiler, "throw new Error('Unable to resolve @typescript/typescript-x.')");
  expect(await start(['demo']).result).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Run `npm ci --include=dev --include=optional`'),
  });
});

test('passes signals on to the program', async () => {
  const running = start(['demo', 'wait']);
  await expect.poll(() => running.output.stdout).toContain('ran demo wait');
  running.child.kill('SIGTERM');
  expect((await running.result).code).toBe(7);
});

test('without a network, says that npm cannot reach its registry and what to do', async () => {
  await lockPackages({
    'node_modules/missing': {
      version: '1.0.0',
      resolved: 'http://127.0.0.1:1/missing/-/missing-1.0.0.tgz',
      integrity: 'sha512-AAAA',
    },
  });
  const { code, stderr } = await start(['demo'], {
    npm_config_registry: 'http://127.0.0.1:1/',
    npm_config_fetch_retries: '0',
    ...(process.env.npm_execpath !== undefined && { npm_execpath: process.env.npm_execpath }),
  }).result;
  expect(code).toBe(2);
  expect(stderr).toMatch(/installing about 1 packages \(npm ci\)/);
  expect(stderr).toMatch(/npm cannot reach its registry\. Connect this machine/);
});

test('packages for other platforms and for development may be absent if they are not needed', async () => {
  await start(['demo']).result;
  await lockPackages({
    'node_modules/other-platform': { version: '1.0.0', optional: true, os: ['none'] },
    'node_modules/for-development': { version: '1.0.0', dev: true },
  });
  expect((await start(['demo']).result).stderr).not.toContain('installing');
});

test('anything but demo and test is refused', async () => {
  expect(await start(['deploy']).result).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('`deploy` is not'),
  });
});

test('the command says what to do while the program is not built', async () => {
  const child = spawn(process.execPath, [join(checkout, 'bin/cognito-mirror.mjs'), '--help']);
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  expect(await new Promise((resolve) => child.on('close', resolve))).toBe(2);
  expect(output).toMatch(/not built\. Run `npm ci --include=dev`/);
});

/** Runs what npm runs at the end of `npm ci`. */
async function prepare(): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [join(checkout, 'scripts/prepare.mjs')]);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stderr })));
}

test('an installation without the compiler fails and names `--include=dev`, unless the build is up to date', async () => {
  expect(await prepare()).toEqual({ code: 0, stderr: expect.stringContaining('building') });
  await rm(join(checkout, 'node_modules/typescript'), { recursive: true });
  expect(await prepare()).toEqual({ code: 0, stderr: '' });
  await writeFile(join(checkout, 'src/a.ts'), 'changed');
  expect(await prepare()).toEqual({
    code: 2,
    stderr: expect.stringMatching(/the build is out of date.*Run `npm ci --include=dev`/),
  });
  await rm(join(checkout, 'dist'), { recursive: true });
  expect(await prepare()).toEqual({
    code: 2,
    stderr: expect.stringMatching(/the program is not built.*Run `npm ci --include=dev`/),
  });
});
