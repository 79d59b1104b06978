import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { PASSAGE } from './launch.ts';
import { embeddedProblem } from './problem.ts';
import { type Launch, runProgram } from './programs.ts';

/** The role that owns the mirror's database. It is not a superuser. */
export const OWNER = 'cognito_mirror';
export const DATABASE = 'cognito_mirror';

/** The paths of the parts of a cluster. */
export function clusterPaths(folder: string) {
  return {
    data: join(folder, 'data'),
    password: join(folder, 'password'),
    log: join(folder, 'server.log'),
  };
}

/**
 * The owner's password, or null if `folder` has no cluster yet.
 *
 * @throws ActionRequiredError if the cluster belongs to another user
 */
export async function readPassword(folder: string): Promise<string | null> {
  try {
    return (await readFile(clusterPaths(folder).password, 'utf8')).trim();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return null;
    if (code !== 'EACCES') throw error;
    throw embeddedProblem(
      `the database in ${folder} belongs to another user.`,
      'Run this as that user, set MIRROR_HOME to a folder of your own',
      { cause: error },
    );
  }
}

/**
 * Creates a cluster with the mirror's role and an empty database. It creates it beside `folder` and
 * renames it, so an interrupted attempt leaves no incomplete cluster, and removes the remains of earlier
 * attempts. Only one process at a time may do this for a folder.
 *
 * @returns the role's password.
 */
export async function createCluster(
  folder: string,
  binaries: Binaries,
  launch: Launch,
  signal?: AbortSignal,
): Promise<string> {
  const prefix = `${basename(folder)}.new-`;
  for (const name of await readdir(dirname(folder))) {
    if (name.startsWith(prefix)) await rm(join(dirname(folder), name), { recursive: true });
  }
  if (launch.account === null) requireUserName();
  const draft = await mkdtemp(join(dirname(folder), prefix));
  try {
    const password = randomBytes(24).toString('base64url');
    await chmod(draft, PASSAGE);
    await initialise(clusterPaths(draft).data, password, binaries, launch, signal);
    await writeFile(clusterPaths(draft).password, `${password}\n`, { mode: 0o600 });
    await rename(draft, folder);
    return password;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/** `initdb` fails for a user id without a name. */
function requireUserName(): void {
  try {
    userInfo();
  } catch (cause) {
    throw embeddedProblem(
      `the user id ${process.getuid?.()} has no name in /etc/passwd, which Postgres requires to create a database.`,
      'Add an entry for it, run this as a user with a name',
      { cause },
    );
  }
}

async function initialise(
  data: string,
  password: string,
  { initdb, postgres }: Binaries,
  launch: Launch,
  signal: AbortSignal | undefined,
): Promise<void> {
  await mkdir(data, { mode: 0o700 });
  if (launch.account !== null) await chown(data, launch.account.uid, launch.account.gid);
  // The superuser has no password, so it cannot log in over the network.
  const authentication = ['--auth-host=scram-sha-256', '--auth-local=reject'];
  await runProgram(
    launch,
    initdb,
    [
      '-D',
      data,
      '-U',
      'postgres',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-instructions',
      ...authentication,
    ],
    { signal },
  );
  // A single-user backend reads its statements from standard input, one a line.
  const statements = [
    `CREATE ROLE ${OWNER} LOGIN CREATEDB PASSWORD '${password}'`,
    // To see which sessions are clients, and what they wait for.
    `GRANT pg_read_all_stats TO ${OWNER}`,
    `CREATE DATABASE ${DATABASE} OWNER ${OWNER}`,
  ];
  await runProgram(launch, postgres, ['--single', '-D', data, 'postgres'], {
    input: `${statements.join(';\n')};\n`,
    signal,
  });
}
