import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT, say, withCheckoutLock } from './checkout.mjs';
import { finishDeclarations } from './declarations.mjs';
import { Failure } from './failure.mjs';
import { captureNode } from './run.mjs';

const DIST = join(ROOT, 'dist');
/** Holds the hash of the sources that `dist` was made from. */
const STAMP = '.source-hash';
const COMPILER = join(ROOT, 'node_modules/typescript/bin/tsc');

/** What TypeScript says where the package with its program for this platform is missing. */
const NO_COMPILER = /Unable to resolve @typescript\//;

/** True if `dist` was made from the sources as they are. */
export async function isUpToDate() {
  const stamp = await readFile(join(DIST, STAMP), 'utf8').catch(() => '');
  return stamp === (await hashSources());
}

/**
 * Compiles `src` into `dist`, unless that is up to date.
 *
 * @throws {Failure} where the compiler is not installed or the sources do not compile
 */
export async function ensureBuilt() {
  if (await isUpToDate()) return;
  await withCheckoutLock(async () => {
    if (!(await isUpToDate())) await build();
  });
}

async function build() {
  if (!existsSync(COMPILER)) throw cannotBuild();
  say('building (a few seconds) …');
  const hash = await hashSources();
  const name = randomBytes(4).toString('hex');
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
    if (NO_COMPILER.test(output)) throw lacksPlatformPackage();
    if (code !== 0) throw new Failure(`the build failed:\n${output}`, 1);
    await finishDeclarations(draft);
    await writeFile(join(draft, STAMP), hash);
    // A program that runs from `dist` keeps what it has loaded.
    if (existsSync(DIST)) await rename(DIST, old);
    await rename(draft, DIST);
  } finally {
    await rm(draft, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
  }
}

/**
 * `npm ci` leaves the compiler out with `--omit=dev`, which `NODE_ENV=production` sets too. An old
 * build must not pass for a new one.
 */
function cannotBuild() {
  const state = existsSync(join(DIST, 'cli/main.js'))
    ? 'the build is out of date'
    : 'the program is not built';
  return new Failure(
    `${state}, and the compiler is not installed: npm leaves out development dependencies with NODE_ENV=production or --omit=dev. Run \`npm ci --include=dev\`. To save disk space, run \`npm ci --omit=dev\` afterwards: it keeps the build.`,
  );
}

function lacksPlatformPackage() {
  return new Failure(
    "the program cannot be built: the compiler's package for this platform is not installed, as npm leaves it out with --omit=optional. Run `npm ci --include=dev --include=optional`. To save disk space, run `npm ci --omit=dev --omit=optional` afterwards: it keeps the build. Where no such package exists, build on another machine and copy the folder `dist`.",
  );
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
