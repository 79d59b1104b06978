import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openEmbeddedPostgres } from '../../src/postgres/embedded/open.ts';
import type { SnapshotReport } from '../../src/runner/outcome.ts';
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../src/simulator/index.ts';
import type { SimulatedPool } from '../../src/simulator/pool.ts';
import { type CliProcess, type CliResult, startCli } from './cli.ts';
import { createTestDatabase, runSql } from './postgres.ts';
import { type ServiceProxy, startProxy } from './proxy.ts';
import { temporaryFolder } from './temp.ts';

/** Changes to the environment of a command; undefined takes a variable away. */
export type EnvChange = Readonly<Record<string, string | undefined>>;

/** What a user's machine has: a service to mirror, a database, an archive, an environment. */
export interface CliMirror {
  readonly simulator: Simulator;
  readonly pool: SimulatedPool;
  readonly poolId: string;
  /** Between the program and the simulator. */
  readonly proxy: ServiceProxy;
  readonly databaseUrl: string;
  /** A folder of the test's own, which is removed at the end; commands run in it. */
  readonly folder: string;
  /** The folder of the archive. */
  readonly archive: string;
  readonly env: Readonly<Record<string, string>>;
  /** `shell` is the shell's line that runs the command as `"$@"`. */
  start(args: readonly string[], change?: EnvChange, shell?: string): Promise<CliProcess>;
  run(args: readonly string[], change?: EnvChange, shell?: string): Promise<CliResult>;
  /** Runs `sync --json` and gives its exit code and reports. */
  sync(args?: readonly string[], change?: EnvChange): Promise<SyncResult>;
  rows<T = Record<string, unknown>>(sql: string, values?: readonly unknown[]): Promise<T[]>;
  /** Ends what still runs, and removes everything. */
  close(): Promise<void>;
}

export interface SyncResult extends CliResult {
  readonly reports: readonly SnapshotReport[];
}

/** Opens a machine with a simulator whose quota is lifted, and a migrated database. */
export async function openCliMirror(options: SimulatorOptions = {}): Promise<CliMirror> {
  const simulator = await startSimulator({ rps: 0, users: 150, groups: 6, ...options });
  const proxy = await startProxy(simulator.url);
  const database = await createTestDatabase();
  const folder = await temporaryFolder();
  const archive = join(folder.path, 'archive');
  const tmp = join(folder.path, 'tmp');
  await mkdir(tmp);
  const pool = simulator.pool();
  const env = {
    HOME: folder.path,
    TMPDIR: tmp,
    ...serviceEnv(proxy.url),
    COGNITO_POOLS: pool.settings.id,
    DATABASE_URL: database.url,
    ARCHIVE_URL: pathToFileURL(archive).href,
    MIRROR_USER_LIST_RPS: '100000',
    MIRROR_QUOTA_SHARE: '1',
  };
  const started: CliProcess[] = [];
  const start = async (args: readonly string[], change: EnvChange = {}, shell = 'exec "$@"') => {
    const changed = Object.entries({ ...env, ...change }).filter(
      ([, value]) => value !== undefined,
    );
    const running = await startCli(args, {
      cwd: folder.path,
      shell,
      env: Object.fromEntries(changed) as Record<string, string>,
    });
    started.push(running);
    return running;
  };
  const run = async (args: readonly string[], change?: EnvChange, shell?: string) =>
    (await start(args, change, shell)).result;
  return {
    simulator,
    pool,
    poolId: pool.settings.id,
    proxy,
    databaseUrl: database.url,
    folder: folder.path,
    archive,
    env,
    start,
    run,
    async sync(args = [], change) {
      const result = await run(['sync', '--json', ...args], change);
      return { ...result, reports: reportsOf(result) };
    },
    rows: async <T>(sql: string, values: readonly unknown[] = []) =>
      (await runSql(database.url, sql, values)) as T[],
    async close() {
      for (const { child } of started) child.kill('SIGKILL');
      await Promise.all(started.map(({ result }) => result));
      await proxy.close();
      await simulator.close();
      await database.drop();
      await stopEmbedded(join(folder.path, '.cognito-mirror'));
      await folder.remove();
    },
  };
}

/** The SDK's variables that lead to an endpoint, with credentials, and to no other machine. */
export function serviceEnv(url: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

/** The reports that `sync --json` printed; none where it printed nothing. */
export function reportsOf({ stdout }: Pick<CliResult, 'stdout'>): SnapshotReport[] {
  return stdout === '' ? [] : JSON.parse(stdout).snapshots;
}

/** Every file below a folder, relative to it, sorted. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(relative(folder, entry.parentPath), entry.name))
    .sort();
}

/** Stops the embedded Postgres that a killed command may have left running in its home. */
export async function stopEmbedded(home: string): Promise<void> {
  if (existsSync(join(home, 'postgres'))) await (await openEmbeddedPostgres(home)).close();
}
