import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import type { Destination } from './archive/destination.ts';
import { openDestination } from './archive/open-destination.ts';
import { makeWorkFolder } from './archive/work-folder.ts';
import { openCognito } from './cognito/client.ts';
import { allowancesOf } from './config/allowances.ts';
import type { Config } from './config/config.ts';
import { PROGRAM } from './config/program.ts';
import { ConfigurationError } from './model/errors.ts';
import { openPool } from './postgres/connection.ts';
import { openDatabase } from './postgres/database.ts';
import { migrate } from './postgres/migrate.ts';
import { type AccountBuckets, localAccountBuckets } from './quota/account-buckets.ts';
import type { SyncParts } from './runner/inline/sync.ts';
import { CallMeter } from './telemetry/call-meter.ts';
import type { Logger } from './telemetry/logger.ts';

/** Connections of one process: the steps of pools in several Regions use few each. */
const CONNECTIONS = 10;

/** The mirror's database, open and up to date. */
export interface Mirror {
  readonly db: pg.Pool;
  readonly databaseUrl: string;
  close(): Promise<void>;
}

/**
 * Opens the mirror's database, and brings its schema up to date.
 *
 * @throws ConfigurationError where it cannot be reached, or a newer program has been at work on it.
 */
export async function openMirror(config: Config, signal: AbortSignal): Promise<Mirror> {
  const database = await openDatabase(config, signal);
  try {
    await migrate(database.url);
  } catch (error) {
    await database.close();
    throw error;
  }
  const db = openPool(database.url, CONNECTIONS);
  return {
    db,
    databaseUrl: database.url,
    async close() {
      await db.end();
      await database.close();
    },
  };
}

/** Opens the archive's destination, and proves that archives can be made and written there. */
export async function openArchive(config: Config, signal: AbortSignal): Promise<Destination> {
  const { archiveKmsKeyId: kmsKeyId } = config;
  await checkWorkFolder(config);
  const destination = await openDestination(
    config.archiveUrl,
    kmsKeyId === null ? {} : { kmsKeyId },
  );
  await destination.check(signal);
  return destination;
}

/**
 * Opens what a run needs, database and archive at once, so that a person learns of everything that
 * is wrong before any call costs quota.
 */
export async function openMirrorAndArchive(
  config: Config,
  signal: AbortSignal,
): Promise<{ mirror: Mirror; destination: Destination }> {
  const [mirror, destination] = await Promise.allSettled([
    openMirror(config, signal),
    openArchive(config, signal),
  ]);
  if (mirror.status === 'fulfilled' && destination.status === 'fulfilled') {
    return { mirror: mirror.value, destination: destination.value };
  }
  if (mirror.status === 'fulfilled') await mirror.value.close();
  const failures = [mirror, destination].flatMap((opened) =>
    opened.status === 'rejected' ? [opened.reason] : [],
  );
  throw failures.every((failure) => failure instanceof ConfigurationError)
    ? new ConfigurationError(failures.flatMap((failure) => failure.problems))
    : failures.find((failure) => !(failure instanceof ConfigurationError));
}

/** The buckets of this process, at the shares of the configuration. */
export function openBuckets(config: Config): AccountBuckets {
  return localAccountBuckets(allowancesOf(config));
}

async function checkWorkFolder(config: Config): Promise<void> {
  try {
    await rm(await makeWorkFolder(workFolder(config)), { recursive: true });
  } catch (error) {
    throw new ConfigurationError(
      [
        {
          subject: 'MIRROR_HOME',
          problem: `parts of the archive cannot be made in ${workFolder(config)} (${(error as NodeJS.ErrnoException).code}).`,
          remedy: 'Set it to a folder that this user may write.',
        },
      ],
      { cause: error },
    );
  }
}

/** Where parts of an archive are made before they are stored. */
export function workFolder(config: Config): string {
  return join(config.home, 'work');
}

/** What an inline run works with, of the configuration and what was opened for it. */
export function syncParts(
  config: Config,
  opened: { mirror: Mirror; destination: Destination; buckets: AccountBuckets; log: Logger },
): SyncParts {
  return {
    db: opened.mirror.db,
    databaseUrl: opened.mirror.databaseUrl,
    destination: opened.destination,
    formats: config.archiveFormats,
    program: PROGRAM,
    workFolder: workFolder(config),
    buckets: opened.buckets,
    quotaShared: config.redisUrl !== null,
    maxRemoved: config.maxRemoved,
    historyDays: config.historyDays,
    log: opened.log,
  };
}

/** The ids of the pools to mirror; `all` asks the service for those of the account and Region. */
export async function resolvePools(
  config: Config,
  buckets: AccountBuckets,
  log: Logger,
  signal: AbortSignal,
): Promise<string[]> {
  if (config.pools !== 'all') return [...config.pools];
  const region = process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
  if (!region) {
    throw new ConfigurationError([
      {
        subject: 'AWS_REGION',
        problem: 'is not set, so there is no Region whose pools `all` could mean.',
        remedy: 'Set it, or name the pools in COGNITO_POOLS.',
      },
    ]);
  }
  const cognito = openCognito({
    region,
    buckets: buckets.ofRegion(region),
    meter: new CallMeter(),
    log,
  });
  const poolIds: string[] = [];
  try {
    for await (const poolId of cognito.listPoolIds(signal)) poolIds.push(poolId);
  } finally {
    cognito.close();
  }
  // To mirror nothing is no success: a wrong account or Region would pass unseen.
  if (poolIds.length > 0) return poolIds;
  throw new ConfigurationError([
    {
      subject: 'COGNITO_POOLS',
      problem: `the account of the credentials in use has no user pool in ${region}.`,
      remedy: 'Set AWS_REGION to the Region of the pools, or use the credentials of their account.',
    },
  ]);
}
