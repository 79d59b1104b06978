import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client } from 'pg';
import { MESSAGES } from '../../src/cli/display/progress-log.ts';
import type { SnapshotReport } from '../../src/runner/outcome.ts';
import { type CliProcess, startCli } from '../../test/support/cli.ts';
import { reportsOf, serviceEnv } from '../../test/support/cli-mirror.ts';
import { createTestDatabase, runSql } from '../../test/support/postgres.ts';
import { temporaryFolder } from '../../test/support/temp.ts';
import { ProcessWatch, statOf } from './process-watch.ts';

/** The steps of a snapshot, in their order. The log has a line when each begins. */
const STEPS = ['walk', 'check', 'publish', 'archive'] as const;
type Step = (typeof STEPS)[number];
/** The log line at the end of a snapshot. */
const DONE = 'snapshot archived';

/** What a step took: seconds on the wall, seconds of processor time, bytes of memory. */
export interface StepFigures {
  readonly seconds: number;
  readonly program: number;
  readonly postgres: number;
  /** The most resident bytes of the program. */
  readonly peakBytes: number;
}

/** One run of `sync` as a process, watched from outside. */
export interface SyncRun {
  readonly reports: readonly SnapshotReport[];
  /** When the command was started, in milliseconds since 1970. */
  readonly started: number;
  /** From the start of the command to its end. */
  readonly seconds: number;
  /** Seconds of processor time over all of it. */
  readonly processor: { readonly program: number; readonly postgres: number };
  /** To a tenth of a second, as the log has it; with several pools only those of the first are useful. */
  readonly steps: Readonly<Record<Step, StepFigures>>;
  /** The most resident bytes of the program. */
  readonly peakBytes: number;
}

/** An attempt as the simulator noted it. */
export interface Attempt {
  readonly at: number;
  readonly poolId: string;
  readonly outcome: string;
}

/** A simulator in a process of its own, a database, and an archive, for one benchmark. */
export interface Lab {
  readonly url: string;
  readonly databaseUrl: string;
  readonly archive: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  sync(change?: Readonly<Record<string, string>>): Promise<SyncRun>;
  rows<T>(sql: string): Promise<T[]>;
  /** The attempts of the list bucket that the simulator remembers (100,000), and forgets them. */
  listAttempts(): Promise<Attempt[]>;
  /** Bytes of WAL that the server has written so far. */
  walBytes(): Promise<number>;
  close(): Promise<void>;
}

/** @param simulator the options of the command `simulator`, port apart. */
export async function openLab(simulator: readonly string[]): Promise<Lab> {
  const database = await createTestDatabase();
  const folder = await temporaryFolder();
  const archive = join(folder.path, 'archive');
  const postgres = await postmaster(database.url);
  const served = await startCli(['simulator', '--port', '0', ...simulator]);
  const url = await firstLine(served);
  const env = {
    HOME: folder.path,
    ...serviceEnv(url),
    COGNITO_POOLS: 'us-east-1_Simulated',
    DATABASE_URL: database.url,
    ARCHIVE_URL: pathToFileURL(archive).href,
    MIRROR_USER_LIST_RPS: '100000',
    MIRROR_QUOTA_SHARE: '1',
  };
  return {
    url,
    databaseUrl: database.url,
    archive,
    folder: folder.path,
    env,
    async sync(change = {}) {
      const started = Date.now();
      const run = await startCli(['sync', '--json'], {
        cwd: folder.path,
        env: { ...env, ...change },
      });
      const program = new ProcessWatch(run.child.pid as number);
      const server = new ProcessWatch(postgres);
      const result = await run.result;
      const ended = Date.now();
      program.stop();
      server.stop();
      if (result.code !== 0) throw new Error(`sync ended with ${result.code}: ${result.stderr}`);
      return {
        reports: reportsOf(result),
        started,
        seconds: (ended - started) / 1000,
        processor: {
          program: program.cpuSeconds(started, ended),
          postgres: server.cpuSeconds(started, ended),
        },
        peakBytes: program.peakBytes(),
        steps: stepsOf(result.stderr, (from, to) => ({
          seconds: (to - from) / 1000,
          program: program.cpuSeconds(from, to),
          postgres: server.cpuSeconds(from, to),
          peakBytes: program.peakBytes(from, to),
        })),
      };
    },
    rows: async <T>(sql: string) => (await runSql(database.url, sql)) as T[],
    async listAttempts() {
      const path = `${url}/_simulator/attempts`;
      const { attempts } = (await (await fetch(`${path}?bucket=UserList`)).json()) as {
        attempts: Attempt[];
      };
      await fetch(path, { method: 'DELETE' });
      return attempts;
    },
    async walBytes() {
      const sql = `SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS bytes`;
      return Number((await runSql(database.url, sql))[0]?.['bytes']);
    },
    async close() {
      served.child.kill();
      await served.result;
      await database.drop();
      await folder.remove();
    },
  };
}

/** The first line that a command prints. */
export async function firstLine({ output, result, child }: CliProcess): Promise<string> {
  while (!output.stdout.includes('\n')) {
    if (child.exitCode !== null) throw new Error(`The simulator ended: ${(await result).stderr}`);
    await new Promise((resolve) => child.stdout.once('data', resolve));
  }
  return output.stdout.trim();
}

/** The process id of the server's first process, by that of a session. */
export async function postmaster(connectionString: string): Promise<number> {
  const session = new Client({ connectionString });
  await session.connect();
  try {
    const { rows } = await session.query('SELECT pg_backend_pid() AS pid');
    return statOf(rows[0].pid)?.parent ?? 0;
  } finally {
    await session.end();
  }
}

function stepsOf(
  log: string,
  figures: (from: number, to: number) => StepFigures,
): Record<Step, StepFigures> {
  const lines = log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { time: string; msg: string });
  const findTime = (message: string) =>
    Date.parse(lines.find(({ msg }) => msg === message)?.time ?? '');
  const end = findTime(DONE);
  if (Number.isNaN(end)) throw new Error(`The log has no line "${DONE}": ${log}`);
  // A step that was too short for the log has no line: it took no measurable time.
  const moments = [...STEPS.map((step) => findTime(MESSAGES[step])), end];
  if (moments.slice(0, -1).every(Number.isNaN)) throw new Error(`The log names no step: ${log}`);
  for (let i = moments.length - 2; i >= 0; i -= 1) {
    if (Number.isNaN(moments[i])) moments[i] = moments[i + 1] as number;
  }
  return Object.fromEntries(
    STEPS.map((step, i) => [step, figures(moments[i] as number, moments[i + 1] as number)]),
  ) as Record<Step, StepFigures>;
}
