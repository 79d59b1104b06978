import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '../../common/folders.ts';
import { InterruptedError } from '../../model/errors.ts';
import type { SessionClient } from '../session/client.ts';
import { openSession } from '../session/open-session.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import { clusterPaths, createCluster, DATABASE, OWNER, readPassword } from './cluster.ts';
import { acquireFileLock } from './file-lock.js';
import { chooseLaunch, PASSAGE } from './launch.ts';
import { linkLibraries } from './libraries.ts';
import { embeddedProblem } from './problem.ts';
import { ensureServer, stopServer } from './server.ts';

/** The Postgres under a `MIRROR_HOME`, while this process uses it. */
export interface EmbeddedPostgres {
  readonly url: string;
  /** Leaves; the last to leave stops the server. End your own connections first. */
  close(): Promise<void>;
}

/** The name by which the sessions of processes that use the server know each other. */
const SESSION = 'cognito-mirror session';
const POLL_MS = 20;
/** How long a leaver waits for connections that are just ending, its own included. */
const LINGER_MS = 500;
/** How long a leaver waits for the server's end; a starter waits for the rest. */
const STOP_MS = 1_000;

/**
 * Opens the embedded Postgres of `home`: makes the cluster the first time, starts the server if
 * none runs, joins it otherwise.
 *
 * Every process that uses the server holds a session from before it gives up the lock until it
 * leaves, so whoever holds the lock sees by the sessions alone whether others are there. A killed
 * process needs no clearing up: its session dies with it, and its server is found and joined.
 *
 * @throws ConfigurationError where there is no Postgres for this platform, account or folder
 * @throws InterruptedError where `signal` fires
 */
export async function openEmbeddedPostgres(
  home: string,
  signal?: AbortSignal,
): Promise<EmbeddedPostgres> {
  const folder = join(resolve(home), 'postgres');
  const lock = `${folder}.lock`;
  const binaries = await findBinaries();
  await makeHome(resolve(home));
  const release = await acquireFileLock(lock, { signal }).catch((error: unknown) => {
    throw signal?.aborted ? new InterruptedError() : cannotWrite(resolve(home), error);
  });
  try {
    const libraryPath = await linkLibraries(binaries.packageFolder, `${folder}-libraries`);
    const launch = await chooseLaunch(binaries.postgres, clusterPaths(folder).data, libraryPath);
    const password =
      (await readPassword(folder)) ?? (await createCluster(folder, binaries, launch, signal));
    const { port, isNew } = await ensureServer(folder, binaries, launch, signal);
    const url = `postgres://${OWNER}:${password}@127.0.0.1:${port}/${DATABASE}`;
    const session = await openSession(url, SESSION, { signal }).catch(async (error: unknown) => {
      // Under the lock, so no other process has joined it yet.
      if (isNew) await stopServer(folder, binaries, STOP_MS);
      throw signal?.aborted ? new InterruptedError() : error;
    });
    let leaving: Promise<void> | undefined;
    return {
      url,
      close() {
        leaving ??= leave(folder, lock, binaries, session);
        return leaving;
      },
    };
  } finally {
    await release();
  }
}

/** True where `home` holds a database, or a folder that this user may not look into. */
export async function hasEmbeddedPostgres(home: string): Promise<boolean> {
  try {
    await stat(join(resolve(home), 'postgres'));
    return true;
  } catch (error) {
    // Any other problem is for opening it to explain, such as a file in the place of the folder.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

async function makeHome(home: string): Promise<void> {
  try {
    await makeFolder(home, PASSAGE);
  } catch (cause) {
    throw cannotWrite(home, cause);
  }
}

function codeOf(cause: unknown): string {
  const { code } = cause as NodeJS.ErrnoException;
  return code === undefined ? '' : ` (${code})`;
}

function cannotWrite(home: string, cause: unknown): Error {
  return embeddedProblem(
    `the folder ${home} cannot be made or written${codeOf(cause)}.`,
    'Set MIRROR_HOME to a folder with space that you may write',
    { cause },
  );
}

async function leave(
  folder: string,
  lock: string,
  binaries: Binaries,
  session: SessionClient,
): Promise<void> {
  const release = await acquireFileLock(lock);
  try {
    const last = await isLast(session);
    await session.end().catch(() => {});
    if (last) await stopServer(folder, binaries, STOP_MS);
  } finally {
    await release();
  }
}

/**
 * True once there is no client but this session; false where others stay or the server is gone.
 * Sessions like this one belong to processes that will ask the same when they leave; any other
 * client may be a connection of this process that is just ending.
 */
async function isLast(session: SessionClient): Promise<boolean> {
  const deadline = performance.now() + LINGER_MS;
  try {
    for (;;) {
      const { rows } = await session.query<{ others: number; sessions: number }>(
        `SELECT count(*)::int AS others,
                count(*) FILTER (WHERE application_name = $1)::int AS sessions
         FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
        [SESSION],
      );
      const { others = 0, sessions = 0 } = rows[0] ?? {};
      if (others === 0) return true;
      if (sessions > 0 || performance.now() > deadline) return false;
      await sleep(POLL_MS);
    }
  } catch {
    return false;
  }
}
