import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { embeddedProblem } from './problem.ts';
import { type Account, AS_SELF, type Launch, runProgram } from './programs.ts';
import { ensureRuns } from './system.ts';

/**
 * The mode of the folders above the data. As root, the server runs as another account, which must
 * pass them; others cannot list them.
 */
export const PASSAGE = process.getuid?.() === 0 ? 0o711 : 0o700;

/**
 * Decides how to run the server. Postgres refuses to run as root, so root runs it as another
 * account; that account may not be able to enter the folders of the programs or of the data
 * (a checkout in a root home, a folder of mode 0700). It then gets the one capability that lets it
 * pass them: DAC_READ_SEARCH, or DAC_OVERRIDE if a container allows only that one, or if others
 * cannot read the programs themselves.
 *
 * @param program the server's program
 * @param data the data folder, or its future path. If it exists, its owner runs the server
 * @param libraryPath as `linkLibraries` gives it
 * @throws ActionRequiredError if nothing works
 */
export async function chooseLaunch(
  program: string,
  data: string,
  libraryPath: string | null,
): Promise<Launch> {
  const asSelf = { ...AS_SELF, libraryPath };
  await ensureRuns(asSelf, program);
  if (process.getuid?.() !== 0) return asSelf;
  const account = process.platform === 'linux' ? await findAccount(data) : null;
  if (account !== null) {
    for (const candidate of await candidates(account, program, await nearestFolder(data))) {
      const launch = { ...candidate, libraryPath };
      if (await works(launch, program)) return launch;
    }
  }
  throw embeddedProblem(
    'Postgres refuses to run as root, and no other account can run it here: `postgres` and `nobody` are missing or may not read its files.',
    'Run this as an ordinary user, or install `setpriv` (Debian package util-linux)',
  );
}

async function candidates(account: Account, program: string, folder: string): Promise<Launch[]> {
  const plain: Launch = { ...AS_SELF, account };
  const open = (await isOpen(account, program)) && (await isOpen(account, folder));
  return [
    ...(open ? [plain] : []),
    withCapability(account, 'dac_read_search'),
    withCapability(account, 'dac_override'),
  ];
}

function withCapability(account: Account, capability: string): Launch {
  return {
    ...AS_SELF,
    account,
    prefixSwitches: true,
    prefix: [
      'setpriv',
      `--reuid=${account.uid}`,
      `--regid=${account.gid}`,
      '--clear-groups',
      // Otherwise access(2), which Postgres calls first, ignores the capability.
      '--securebits=+no_setuid_fixup',
      `--inh-caps=+${capability}`,
      `--ambient-caps=+${capability}`,
    ],
  };
}

async function works(launch: Launch, program: string): Promise<boolean> {
  try {
    await runProgram(launch, program, ['--version']);
    return true;
  } catch {
    // Whatever fails, the next candidate is tried; the error of the last resort says what to do.
    return false;
  }
}

/** True if the account may enter every folder on the way to `path`. */
async function isOpen(account: Account, path: string): Promise<boolean> {
  for (let at = await realpath(path); ; at = dirname(at)) {
    const { mode, uid } = await stat(at);
    if ((mode & 0o001) === 0 && !(uid === account.uid && (mode & 0o100) !== 0)) return false;
    if (at === dirname(at)) return true;
  }
}

/** The folder itself, or the nearest one above it that root can see: usually it does not exist yet. */
async function nearestFolder(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  return found === null ? nearestFolder(dirname(path)) : path;
}

/** The data folder's owner; else an account that systems have for servers. */
async function findAccount(data: string): Promise<Account | null> {
  // Before the first start there is no data folder.
  const owner = await stat(data).catch(() => null);
  if (owner !== null && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => {
    const [name, , uid, gid] = line.split(':');
    return { name, uid: Number(uid), gid: Number(gid) };
  });
  return (
    accounts.find(({ name }) => name === 'postgres') ??
    accounts.find(({ name }) => name === 'nobody') ??
    null
  );
}
