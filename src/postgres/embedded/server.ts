import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { InterruptedError } from '../../model/errors.ts';
import type { Binaries } from './binaries.ts';
import { clusterPaths } from './cluster.ts';
import { disownPidFile, findPostmaster, type Postmaster } from './postmaster.ts';
import { embeddedProblem, suggestRemedy } from './problem.ts';
import { commandLine, type Launch } from './programs.ts';

const POLL_MS = 10;
const START_ATTEMPTS = 5;
const PAUSE_BETWEEN_ATTEMPTS_MS = 500;
/** Temporary failures: another process took the port, or a killed server's processes are still ending. */
const TEMPORARY = /Address already in use|shared memory block/;

/** For a small machine that also runs other programs. Durability (`fsync`) is unchanged. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  // Enough for the indexes of a million users, which a publication changes in random order.
  shared_buffers: '256MB',
  wal_buffers: '32MB',
  max_wal_size: '2GB',
  // Nothing replicates from this server, so bulk loads can write less WAL.
  wal_level: 'minimal',
  max_wal_senders: '0',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Errors and statements contain personal data, so the log has the server's own events only.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
};

/**
 * Finds the running server of a cluster, or starts one, and waits until it takes connections.
 *
 * @returns where it is, and whether this started it.
 */
export async function ensureServer(
  folder: string,
  binaries: Binaries,
  launch: Launch,
  signal?: AbortSignal,
): Promise<Postmaster & { readonly isNew: boolean }> {
  const { data, log } = clusterPaths(folder);
  let isNew = false;
  for (let attempt = 1; ; ) {
    if (signal?.aborted) throw new InterruptedError();
    const server = await findPostmaster(data);
    if (server?.state === 'ready') return { ...server, isNew };
    if (server !== null) {
      await sleep(POLL_MS);
      continue;
    }
    const lastWords = await startServer(folder, binaries, launch, signal);
    isNew = lastWords === null;
    if (lastWords === null) continue;
    if (attempt === START_ATTEMPTS || !TEMPORARY.test(lastWords)) {
      throw embeddedProblem(
        `the server of ${folder} does not start.`,
        `${suggestRemedy(lastWords)} (its log is ${log})`,
        { output: lastWords },
      );
    }
    attempt += 1;
    await sleep(PAUSE_BETWEEN_ATTEMPTS_MS);
  }
}

/**
 * Starts the server in its own session, so that it survives Ctrl-C in the terminal and the end of this
 * process.
 *
 * @returns null once it is ready, or its last output if it ended.
 */
async function startServer(
  folder: string,
  { postgres }: Binaries,
  launch: Launch,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  const paths = clusterPaths(folder);
  await disownPidFile(paths.data);
  const settings = Object.entries({ ...SETTINGS, port: String(await freePort()) });
  const line = commandLine(launch, postgres, [
    '-D',
    paths.data,
    ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  const log = await open(paths.log, 'a+', 0o600);
  try {
    const logStart = (await log.stat()).size;
    const child = spawn(line.file, line.args, {
      ...line.options,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    const ended = new Promise<void>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', () => resolve());
    });
    child.unref();
    let running = true;
    const watch = ended.finally(() => {
      running = false;
    });
    watch.catch(() => {});
    while (running) {
      if (signal?.aborted) {
        child.kill('SIGINT');
        throw new InterruptedError();
      }
      if ((await findPostmaster(paths.data))?.state === 'ready') return null;
      await Promise.race([sleep(POLL_MS), watch]);
    }
    const { size } = await log.stat();
    const words = Buffer.alloc(Math.min(size - logStart, 2_000));
    await log.read(words, 0, words.length, size - words.length);
    return words.toString();
  } finally {
    await log.close();
  }
}

/** Requests a fast shutdown and waits for the server's end, at most `patienceMs`. */
export async function stopServer(folder: string, patienceMs: number): Promise<void> {
  const { data } = clusterPaths(folder);
  const server = await findPostmaster(data);
  if (server === null) return;
  process.kill(server.pid, 'SIGINT');
  const deadline = performance.now() + patienceMs;
  while ((await findPostmaster(data)) !== null && performance.now() < deadline) {
    await sleep(POLL_MS);
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('A port has no number.');
  return address.port;
}
