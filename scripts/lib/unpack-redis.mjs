import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { say, withCheckoutLock } from './checkout.mjs';
import { Failure } from './failure.mjs';
import { findRedisServer, REDIS_CACHE } from './redis.mjs';
import { capture } from './run.mjs';

/** Debian's redis-server is a link to a program of redis-tools. */
const PACKAGES = ['redis-server', 'redis-tools'];

/** Without a network, apt would otherwise try for minutes. */
const APT = ['-q', '-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=10'];

/**
 * Sees to it that there is a redis-server for the tests: where the system has none, Debian's and
 * Ubuntu's packages are unpacked below node_modules, by any user and without a change to the system.
 */
export async function ensureRedisServer() {
  if ((await findRedisServer()) !== null) return;
  await withCheckoutLock(async () => {
    if ((await findRedisServer()) !== null) return;
    say('getting a redis-server for the tests (apt-get download) …');
    await mkdir(dirname(REDIS_CACHE), { recursive: true });
    const draft = await mkdtemp(`${REDIS_CACHE}.new-`);
    try {
      const problem = await download(draft);
      if (problem !== null) throw cannotBeHad(problem);
      await unpack(draft);
      await rm(REDIS_CACHE, { recursive: true, force: true });
      await rename(join(draft, 'unpacked'), REDIS_CACHE);
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
    if ((await findRedisServer()) === null)
      throw cannotBeHad('the one of its packages does not run.');
  });
}

/**
 * Downloads the packages with the libraries that this system lacks: by the system's lists of
 * packages, else, where there are none or they are out of date, by lists of our own.
 *
 * @param {string} folder
 * @returns {Promise<string | null>} what went wrong
 */
async function download(folder) {
  if ((await downloadBy([], folder)) === null) return null;
  const lists = join(folder, 'lists');
  await mkdir(join(lists, 'partial'), { recursive: true });
  const own = ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${folder}`];
  const updated = await apt([...own, '-o', 'APT::Update::Error-Mode=any', 'update'], folder);
  return updated.code === 0 ? downloadBy(own, folder) : lastLine(updated.output);
}

/**
 * @param {readonly string[]} options
 * @param {string} folder
 */
async function downloadBy(options, folder) {
  // What an installation would add; it fails where the lists do not know the packages.
  const plan = await apt(
    [...options, '-s', '--no-install-recommends', 'install', ...PACKAGES],
    folder,
  );
  if (plan.code !== 0) return lastLine(plan.output);
  const added = [...plan.output.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] ?? '');
  const wanted = [...new Set([...PACKAGES, ...added])];
  const { code, output } = await apt([...options, 'download', ...wanted], folder);
  return code === 0 ? null : lastLine(output);
}

/** @param {string} folder */
async function unpack(folder) {
  const packages = (await readdir(folder)).filter((name) => name.endsWith('.deb'));
  for (const name of packages) {
    const { code, output } = await capture('dpkg', [
      '-x',
      join(folder, name),
      join(folder, 'unpacked'),
    ]);
    if (code !== 0) throw cannotBeHad(lastLine(output));
  }
}

/**
 * @param {readonly string[]} args
 * @param {string} cwd
 */
function apt(args, cwd) {
  // Root's downloads are otherwise made by a user who may not write here.
  const sandbox = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
  return capture('apt-get', [...APT, ...sandbox, ...args], { cwd, env: { LC_ALL: 'C.UTF-8' } });
}

/** @param {string} output */
function lastLine(output) {
  return output.split('\n').at(-1) ?? '';
}

/** @param {string} reason */
function cannotBeHad(reason) {
  return new Failure(
    `the tests need redis-server 6.2 or newer, and none could be had (${reason}). Install it with the system's package manager (\`apt-get install redis-server\`, \`dnf install redis\`, \`brew install redis\`), and run this again.`,
    1,
  );
}
