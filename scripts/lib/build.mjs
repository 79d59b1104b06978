import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT, say, withCheckoutLock } from './checkout.mjs';
import { Failure } from './failure.mjs';
import { captureNode } from './run.mjs';

const DIST = join(ROOT, 'dist');
/** Holds the hash of the sources that `dist` was made from. */
const STAMP = '.source-hash';
const COMPILER = join(ROOT, 'node_modules/typescript/bin/tsc');

/** True if the compiler is installed: without it (`npm ci --omit=dev`), `dist` stays as it is. */
export function canBuild() {
  return existsSync(COMPILER);
}

/** True if there is something to run, whether or not it is up to date. */
export function isBuilt() {
  return existsSync(join(DIST, 'cli/main.js'));
}

/** True if `dist` was made from the sources as they are. */
export async function isUpToDate() {
  const stamp = await readFile(join(DIST, STAMP), 'utf8').catch(() => '');
  return stamp === (await hashSources());
}

/** Compiles `src` into `dist`, unless that is up to date, and puts the command where `npx` finds it. */
export async function ensureBuilt() {
  if (!(await isUpToDate())) {
    await withCheckoutLock(async () => {
      if (!(await isUpToDate())) await build();
    });
  }
  await linkCommand();
}

/** Puts the command where `npx` looks first: npm does so for dependencies, not for the package itself. */
export async function linkCommand() {
  const folder = join(ROOT, 'node_modules/.bin');
  try {
    await mkdir(folder, { recursive: true });
    if (process.platform === 'win32') {
      const script = '@node "%~dp0\\..\\..\\bin\\cognito-mirror.mjs" %*\r\n';
      await writeFile(join(folder, 'cognito-mirror.cmd'), script);
    } else {
      await symlink('../../bin/cognito-mirror.mjs', join(folder, 'cognito-mirror'));
    }
  } catch {
    // It is there, or not ours to make: npx then links the package itself.
  }
}

async function build() {
  say('building …');
  const hash = await hashSources();
  const name = randomBytes(4).toString('hex');
  // As deep as `dist`, so that the source maps' relative paths are right after the renaming.
  const draft = join(ROOT, `dist.new-${name}`);
  const old = join(ROOT, `dist.old-${name}`);
  try {
    const { code, output } = await captureNode([
      COMPILER,
      '-p',
      'tsconfig.build.json',
      '--outDir',
      draft,
    ]);
    if (code !== 0) throw new Failure(`the build failed:\n${output}`, 1);
    await writeFile(join(draft, STAMP), hash);
    // A program that runs from `dist` keeps what it has loaded.
    if (existsSync(DIST)) await rename(DIST, old);
    await rename(draft, DIST);
  } finally {
    await rm(draft, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
  }
}

async function hashSources() {
  const hash = createHash('sha256');
  const files = await readdir(join(ROOT, 'src'), { recursive: true, withFileTypes: true });
  const sources = files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .sort();
  const settings = ['tsconfig.json', 'tsconfig.build.json'];
  for (const path of [...sources, ...settings.map((name) => join(ROOT, name))]) {
    hash
      .update(`${path.slice(ROOT.length)}\0`)
      .update(await readFile(path))
      .update('\0');
  }
  return hash.digest('hex');
}
