import type pg from 'pg';
import { requireCognitoEndpoint } from '../cognito/sdk.ts';
import { type Config, PROGRAM } from '../config/config.ts';
import { resolvePoolSettings } from '../config/pool-settings.ts';
import { NoMirrorError } from '../postgres/database.ts';
import type { PoolDepsLookup } from '../runner/describe-pool.ts';
import type { SyncDeps } from '../runner/inline/sync.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type Archives, allOrProblems, openArchives, workFolder } from './open-archives.ts';
import { type MirrorDatabase, openMirrorDatabase, requireMirrorDatabase } from './open-mirror.ts';
import { openQuota, type Quota } from './open-quota.ts';

/** What a run works with, open. */
export interface Opened {
  readonly mirror: MirrorDatabase;
  readonly quota: Quota;
  readonly archives: Archives;
  close(): Promise<void>;
}

export interface OpenOptions {
  /** True for a mirror that must be there already; where there is none, nothing is made. */
  readonly existing?: boolean;
  /** Is called with the database where that is open and something else is not. */
  readonly onFailure?: (db: pg.Pool, error: unknown) => Promise<void>;
}

/**
 * Opens database, quota and archives at once, so that a person learns of everything that is wrong
 * before any call costs quota.
 *
 * @throws ConfigurationError with everything that is wrong or cannot be reached
 */
export async function openForRun(
  config: Config,
  log: Logger,
  signal: AbortSignal,
  { existing = false, onFailure }: OpenOptions = {},
): Promise<Opened> {
  const open: { close(): Promise<void> }[] = [];
  const keep = async <T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> => {
    const opened = await opening;
    open.push(opened);
    return opened;
  };
  const close = async () => {
    for (const opened of open.splice(0)) await opened.close();
  };
  const opening = keep(
    existing ? requireMirrorDatabase(config, signal) : openMirrorDatabase(config, signal),
  );
  try {
    // Folders of an archive are not made where there is no mirror.
    if (existing) {
      await opening.catch((error: unknown) => {
        if (error instanceof NoMirrorError) throw error;
      });
    }
    const [quota, mirror, archives] = await allOrProblems<
      [Quota, MirrorDatabase, Archives, unknown]
    >(
      keep(openQuota(config, log, signal)),
      opening,
      openArchives(config, signal),
      requireCognitoEndpoint(),
    );
    return { mirror, quota, archives, close };
  } catch (error) {
    const mirror = await opening.catch(() => null);
    if (mirror !== null) await onFailure?.(mirror.db, error);
    await close();
    throw error;
  }
}

/** What each pool is mirrored with. */
export function createPoolDepsLookup(config: Config, archives: Archives): PoolDepsLookup {
  return async (poolId) => {
    const { role, region, maxRemovedRatio: maxRemoved } = resolvePoolSettings(config, poolId);
    return { role, region, maxRemoved, destination: await archives.of(poolId) };
  };
}

/** What an inline run works with, of the configuration and what was opened for it. */
export function createSyncDeps(config: Config, opened: Opened, log: Logger): SyncDeps {
  const { mirror, quota, archives } = opened;
  return {
    db: mirror.db,
    databaseUrl: mirror.databaseUrl,
    poolDeps: createPoolDepsLookup(config, archives),
    regionOf: (poolId) => resolvePoolSettings(config, poolId).region,
    formats: config.archiveFormats,
    program: PROGRAM,
    workFolder: workFolder(config),
    buckets: quota.buckets,
    quotaShared: quota.redis !== null,
    historyDays: config.historyDays,
    log,
  };
}
