import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Simulator } from '../../../src/simulator/server.ts';
import { serviceEnv } from '../../support/cli-mirror.ts';
import { runSql } from '../../support/postgres.ts';
import { type S3Server, startS3Server } from '../../support/s3-server.ts';
import { temporaryFolder } from '../../support/temp.ts';
import type { Backends } from './backends.ts';
import { type Handling, PASS } from './interceptor.ts';
import { type Machine, type Passing, type Server, startMachine } from './machine.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const CLOCK = new URL('clock.mjs', import.meta.url).href;
const LONG_WALKS = new URL('../../support/long-walks.mjs', import.meta.url).href;

/** Everything that a case happens to: servers, an archive, and machines that come and go. */
export interface World {
  readonly backends: Backends;
  readonly simulator: Simulator;
  readonly s3: S3Server;
  /** The folder of the archive; null where it is on S3. */
  readonly archive: string | null;
  /** Where machines make their temporary files. */
  readonly tmp: string;
  /** Those that run, and those that have ended. */
  readonly machines: Machine[];
  /** Decides what becomes of everything that machines send; lets it pass unless it is replaced. */
  handle: (passing: Passing) => Handling | Promise<Handling>;
  /** When the newest snapshot of each round so far began. */
  readonly roundEnds: Date[];
  /** The newest request that workers have done; 0 at first. */
  lastRequest: number;
  /** Requests that S3 was made to fail so far. */
  failedByS3: number;
  /** Starts a command; undefined takes a variable away, and `clock` is how wrong its clock is, in ms. */
  start(args: readonly string[], env?: Environment, clock?: number): Promise<Machine>;
  /** The database where it is now, without an interceptor. */
  databaseUrl(): string;
  /** Asks the database directly. */
  readonly rows: <T = Record<string, unknown>>(
    sql: string,
    values?: readonly unknown[],
  ) => Promise<T[]>;
  /** Ends what still runs, and removes everything. */
  close(): Promise<void>;
}

/**
 * Opens a world around a simulator, with a database of the Postgres of these backends.
 *
 * @param longWalks true: machines expect their walks to take long.
 */
export async function openWorld(
  backends: Backends,
  simulator: Simulator,
  onS3: boolean,
  longWalks = false,
): Promise<World> {
  const s3 = await startS3Server();
  const databaseUrl = await backends.postgres.createDatabase();
  const folder = await temporaryFolder();
  const archive = join(folder.path, 'archive');
  const tmp = join(folder.path, 'tmp');
  await mkdir(tmp);
  const machines: Machine[] = [];
  const ports: Readonly<Record<Server, () => number>> = {
    service: () => simulator.port,
    postgres: () => backends.postgres.port,
    redis: () => backends.redis.port,
    s3: () => Number(new URL(s3.url).port),
  };
  const envOf = (at: Readonly<Record<Server, number>>) => {
    const database = new URL(databaseUrl);
    database.port = String(at.postgres);
    return {
      HOME: folder.path,
      TMPDIR: tmp,
      ...serviceEnv(`http://127.0.0.1:${at.service}`),
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${at.s3}`,
      AWS_REGION: 'us-east-1',
      COGNITO_POOLS: [...simulator.pools.keys()].join(','),
      DATABASE_URL: database.href,
      REDIS_URL: `redis://127.0.0.1:${at.redis}`,
      ARCHIVE_URL: onS3 ? 's3://archive/mirror' : pathToFileURL(archive).href,
      MIRROR_QUOTA_SHARE: '1',
      // Pools this small lose a large part of their rows with one group.
      MIRROR_MAX_REMOVED_RATIO: '1',
      PORT: '0',
      LOG_LEVEL: 'debug',
    };
  };
  const world: World = {
    backends,
    simulator,
    s3,
    archive: onS3 ? null : archive,
    tmp,
    machines,
    handle: () => PASS,
    roundEnds: [],
    lastRequest: 0,
    failedByS3: 0,
    async start(args, change = {}, clock = 0) {
      const loaded = [...(clock === 0 ? [] : [CLOCK]), ...(longWalks ? [LONG_WALKS] : [])];
      const node = {
        NODE_OPTIONS: loaded.map((url) => `--import ${url}`).join(' '),
        CLOCK_OFFSET_MS: String(clock),
      };
      const machine = await startMachine(args, {
        folder: folder.path,
        ports,
        env: (at) => defined({ ...envOf(at), ...node, ...change }),
        handle: (passing) => world.handle(passing),
      });
      machines.push(machine);
      return machine;
    },
    databaseUrl: () => backends.postgres.urlNow(databaseUrl),
    rows: async <T>(sql: string, values: readonly unknown[] = []) =>
      (await runSql(backends.postgres.urlNow(databaseUrl), sql, values)) as T[],
    async close() {
      for (const { child } of machines) child.kill('SIGKILL');
      await Promise.all(machines.map(({ result }) => result));
      await s3.close();
      await backends.postgres.drop(databaseUrl);
      await backends.redis.flush();
      await folder.remove();
    },
  };
  return world;
}

function defined(environment: Environment): Record<string, string> {
  const entries = Object.entries(environment).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Record<string, string>;
}
