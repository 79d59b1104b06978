import { pathToFileURL } from 'node:url';
import type pg from 'pg';
import type { Destination } from '../../src/archive/destination.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import type { ArchiveLock } from '../../src/model/object-lock.ts';
import { parseRegion } from '../../src/model/pool-id.ts';
import { openPool } from '../../src/postgres/connection.ts';
import type { PoolPrivacy } from '../../src/privacy/pool-privacy.ts';
import type { Secrets } from '../../src/privacy/secrets.ts';
import { localAccountBuckets } from '../../src/quota/account-buckets.ts';
import { type PoolOutcome, type SyncDeps, syncPools } from '../../src/runner/inline/sync.ts';
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../src/simulator/index.ts';
import type { SimulatedPool } from '../../src/simulator/pool.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import type { SnapshotProgress } from '../../src/telemetry/snapshot-progress.ts';
import { setEnvironment } from './environment.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';
import { privacyOf } from './privacy.ts';
import { type ServiceProxy, startProxy } from './proxy.ts';
import { temporaryFolder } from './temp.ts';

/** A mirror of simulated pools, in this process: real Postgres, real HTTP, the real SDK. */
export interface TestMirror {
  readonly simulator: Simulator;
  readonly pool: SimulatedPool;
  /** Between the program and the simulator. */
  readonly proxy: ServiceProxy;
  readonly db: pg.Pool;
  readonly databaseUrl: string;
  /** The folder of the archive. */
  readonly archive: string;
  /** The folder in which the archive's parts are made. */
  readonly work: string;
  /** Mirrors the first pool, or those named; `parts` may differ from the plain ones. */
  sync(options?: SyncOptions): Promise<PoolOutcome>;
  rows<T = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<T[]>;
  close(): Promise<void>;
}

export interface SyncOptions extends Partial<SyncDeps> {
  readonly destination?: Destination;
  /** The guard's share. */
  readonly maxRemoved?: number;
  /** Reads MFA states, with at most so many calls. */
  readonly mfaBudget?: number;
  readonly archiveLock?: ArchiveLock;
  readonly privacy?: PoolPrivacy;
  /** Keeps the settings of the pool. */
  readonly secrets?: Secrets;
  readonly poolId?: string;
  /** Where the pool is read. */
  readonly region?: string;
  readonly signal?: AbortSignal;
  /** Called with the run's progress object before it begins. */
  readonly watch?: (progress: SnapshotProgress) => void;
  readonly userListRps?: number;
  readonly share?: number;
}

/**
 * Starts a simulator, its quota lifted, with an archive of its own.
 *
 * @param given its migrated database. Default: one of its own.
 */
export async function openTestMirror(
  options: SimulatorOptions = {},
  given?: TestDatabase,
): Promise<TestMirror> {
  const simulator = await startSimulator({ rps: 0, users: 200, groups: 8, ...options });
  const proxy = await startProxy(simulator.url);
  const restoreEnvironment = setEnvironment({
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: proxy.url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  const database = given ?? (await createTestDatabase());
  const db = openPool(database.url, 8);
  const folder = await temporaryFolder();
  const work = await temporaryFolder();
  const folderArchive = await openDestination(pathToFileURL(folder.path).href);
  const log = createLogger({ level: 'silent' });
  return {
    simulator,
    pool: simulator.pool(),
    proxy,
    db,
    databaseUrl: database.url,
    archive: folder.path,
    work: work.path,
    async sync({ poolId, signal, watch, userListRps = 1e6, share = 1, ...rest } = {}) {
      const {
        destination = folderArchive,
        maxRemoved = 1,
        mfaBudget = null,
        archiveLock = null,
        privacy,
        secrets = null,
        region,
        ...parts
      } = rest;
      const shares = { share, userListRps };
      const buckets = localAccountBuckets({ of: () => shares, leastShare: () => share });
      const id = poolId ?? simulator.pool().settings.id;
      try {
        const [outcome] = await syncPools(
          {
            db,
            databaseUrl: database.url,
            formats: ['parquet', 'jsonl'],
            signer: null,
            program: 'cognito-mirror/test',
            workFolder: work.path,
            buckets,
            quotaShared: false,
            poolDeps: async (each) => ({
              access: { role: null },
              region: region ?? parseRegion(each),
              destination,
              maxRemoved,
              mfaBudget,
              archiveLock,
              privacy: privacy ?? privacyOf(each),
              secrets,
            }),
            keep: null,
            historyDays: null,
            log,
            ...parts,
          },
          [{ poolId: id, region: parseRegion(id) }],
          { onBegin: (progress) => watch?.(progress) },
          signal ?? new AbortController().signal,
        );
        return outcome as PoolOutcome;
      } finally {
        await buckets.close();
      }
    },
    rows: async <T>(sql: string, values: unknown[] = []) =>
      (await db.query(sql, values)).rows as T[],
    async close() {
      restoreEnvironment();
      await db.end();
      await database.drop();
      await proxy.close();
      await simulator.close();
      await folder.remove();
      await work.remove();
    },
  };
}
