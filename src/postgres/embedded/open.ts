import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '../../common/folders.ts';
import { InterruptedError } from '../../model/errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { SessionClient } from '../session/client.ts';
import { openSession } from '../session/open-session.ts';
import { findBinaries } from './binaries.ts';
import { clusterPaths, createCluster, DATABASE, OWNER, readPassword } from './cluster.ts';
import { acquireFileLock } from './file-lock.js';
import { chooseLaunch, PASSAGE } from './launch.ts';
import { linkLibraries } from './libraries.ts';
import { embeddedProblem } from './problem.ts';
import { ensureServer, stopServer } from './server.ts';

/** The Postgres under a `MIRROR_HOME`, while this process uses it. */
interface EmbeddedPostgres {
  readonly url: string;
  /** Stops using it. The last process stops the server. End your own connections first. */
  close(): Promise<void>;
}

/** The name of the session that each process that uses the server holds. */
const SESSION = 'cognito-mirror session';
const POLL_MS = 20;
/** How long a leaving process waits for connections that are ending, including its own. */
const LINGER_MS = 500;
/** How long a leaving process waits for the server's end. The next start waits for the rest. */
const STOP_MS = 1_000;

/**
 * Opens the embedded Postgres of `home`. It creates the cluster the first time, and starts the server
 * unless one runs.
 *
 * Every process that uses the server opens a session before it releases the lock, and keeps it until it
 * leaves. So the sessions show the holder of the lock whether others use the server. A killed process
 * needs no clean-up: its session ends with it, and the next process finds and uses its server.
 *
 * @throws ActionRequiredError if there is no Postgres for this platform, account or folder
 * @throws InterruptedError if `signal` aborts
 */
export async function openEmbeddedPostgres(
  home: string,
  signal?: AbortSignal,
  log?: Logger,
): Promise<EmbeddedPostgres> {
  const folder = join(resolve(home), 'postgres');
  const lock = `${folder}.lock`;
  const binaries = await findBinaries();
  await makeHome(resolve(home));
  const onUntouched = warnUntouched(lock, log);
  const release = await acquireFileLock(lock, { signal, onUntouched }).catch((error: unknown) => {
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
      // Under the lock no other process uses it yet.
      if (isNew) await stopServer(folder, STOP_MS);
      throw signal?.aborted ? new InterruptedError() : error;
    });
    let leaving: Promise<void> | undefined;
    return {
      url,
      close() {
        leaving ??= leave(folder, lock, session, log);
        return leaving;
      },
    };
  } finally {
    await release();
  }
}

/** True if `home` has a database, or a folder that this user cannot read. */
export async function hasEmbeddedPostgres(home: string): Promise<boolean> {
  try {
    await stat(join(resolve(home), 'postgres'));
    return true;
  } catch (error) {
    // Opening it explains any other problem, such as a file in place of the folder.
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

/** Another process may take a lock whose file stays untouched, and then start or stop the server too. */
function warnUntouched(lock: string, log: Logger | undefined): (error: Error) => void {
  return (error) =>
    log?.warn({ lock, reason: error.message }, 'could not keep the lock of the embedded Postgres');
}

async function leave(
  folder: string,
  lock: string,
  session: SessionClient,
  log: Logger | undefined,
): Promise<void> {
  const release = await acquireFileLock(lock, { onUntouched: warnUntouched(lock, log) });
  try {
    const last = await isLast(session, log);
    // A server that is gone has ended it already.
    await session.end().catch(() => {});
    if (last) await stopServer(folder, STOP_MS);
  } finally {
    await release();
  }
}

/**
 * True once this session is the only client. False if others stay, or the server is gone. Sessions of
 * other processes stay until those leave. Any other client may be an ending connection of this process.
 */
async function isLast(session: SessionClient, log: Logger | undefined): Promise<boolean> {
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
  } catch (error) {
    // Usually the server is gone. If not, its next user stops it.
    const reason = (error as Error).message;
    log?.debug({ reason }, 'could not see who uses the embedded Postgres: leaving it as it is');
    return false;
  }
}
