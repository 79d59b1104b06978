import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ROOT, say, withCheckoutLock } from './checkout.mjs';
import { Failure } from './failure.mjs';
import { captureNode } from './run.mjs';

/** @typedef {{ version?: string, integrity?: string, dev?: boolean, optional?: boolean, os?: string[], cpu?: string[] }} Entry */

/** How often the installation says how far it is, in milliseconds. */
const REPORT_MS = 5_000;

const NO_NETWORK =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED/;
const NO_PERMISSION = /EACCES|EPERM|EROFS/;

/**
 * Installs what package-lock.json names, unless it is there already.
 *
 * @param {{ dev: boolean }} needs whether development dependencies are needed too
 */
export async function ensureInstalled(needs) {
  if (await isInstalled(needs)) return;
  await withCheckoutLock(async () => {
    if (await isInstalled(needs)) return;
    const packages = await packagesOfPlatform();
    say(
      `installing about ${packages.length} packages (npm ci), 420 MB on disk; this takes half a minute to two minutes …`,
    );
    const stopReporting = reportProgress(packages);
    // Nothing here needs install scripts: the build and the links are made by the callers.
    const { code, output } = await captureNode([
      findNpm(),
      'ci',
      '--include=dev',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--no-update-notifier',
      '--loglevel=error',
      // Without a network, npm would otherwise try for more than a minute.
      '--fetch-retry-mintimeout=1000',
      '--fetch-retry-maxtimeout=5000',
    ]).finally(stopReporting);
    if (code !== 0) throw explain(code, output);
  });
}

/** The folders of the packages for this platform; npm leaves out a few optional ones of them. */
async function packagesOfPlatform() {
  const locked = await readPackages(join(ROOT, 'package-lock.json'));
  const { platform, arch } = process;
  return Object.entries(locked).flatMap(([path, { os = [platform], cpu = [arch] }]) =>
    path !== '' && os.includes(platform) && cpu.includes(arch) ? [join(ROOT, path)] : [],
  );
}

/**
 * Says from time to time how many packages are there, until the function that it gives is called.
 *
 * @param {readonly string[]} packages their folders
 */
function reportProgress(packages) {
  const start = performance.now();
  const timer = setInterval(() => {
    // npm makes all folders first, and then unpacks into them.
    const there = packages.filter((folder) => existsSync(join(folder, 'package.json'))).length;
    const seconds = Math.round((performance.now() - start) / 1_000);
    say(`installed ${there} of about ${packages.length} packages after ${seconds} s …`);
  }, REPORT_MS);
  return () => clearInterval(timer);
}

/** @param {{ dev: boolean }} needs */
async function isInstalled({ dev }) {
  const wanted = await readPackages(join(ROOT, 'package-lock.json'));
  // npm's own record of what it put there, written when it is done.
  const present = await readPackages(join(ROOT, 'node_modules', '.package-lock.json'));
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || (entry.dev && !dev)) return true;
    const found = present[path];
    // Packages for other platforms are optional and absent.
    if (found === undefined) return entry.optional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

/**
 * @param {string} path
 * @returns {Promise<Record<string, Entry>>}
 */
async function readPackages(path) {
  if (!existsSync(path)) return {};
  return JSON.parse(await readFile(path, 'utf8')).packages ?? {};
}

/** The npm that runs this script, or the one that came with this Node. */
function findNpm() {
  const candidates = [
    process.env.npm_execpath ?? '',
    join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js'),
    join(dirname(process.execPath), 'node_modules/npm/bin/npm-cli.js'),
  ];
  const npm = candidates.find((path) => path.endsWith('npm-cli.js') && existsSync(path));
  if (npm === undefined) {
    throw new Failure('npm was not found. Run this with `npm run …`, or run `npm ci` first.');
  }
  return npm;
}

/**
 * @param {number} code
 * @param {string} output
 */
function explain(code, output) {
  if (NO_NETWORK.test(output)) {
    return new Failure(
      'the dependencies could not be installed: npm cannot reach its registry. Connect this machine to the network, or name a registry that it can reach (`npm config set registry URL`), and run this again.',
    );
  }
  if (NO_PERMISSION.test(output)) {
    return new Failure(
      `the dependencies could not be installed: this user may not write in ${join(ROOT, 'node_modules')}. Run this as the user who owns it, or remove that folder.`,
    );
  }
  return new Failure(
    `the dependencies could not be installed: \`npm ci\` ended with ${code}. It said:\n${output.slice(-3_000)}`,
    code,
  );
}
