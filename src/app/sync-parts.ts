import type { Config } from '../config/config.ts';
import { settingsOf } from '../config/pool-settings.ts';
import { PROGRAM } from '../config/program.ts';
import type { SyncParts } from '../runner/inline/sync.ts';
import type { Logger } from '../telemetry/logger.ts';
import { workFolder } from './open-archives.ts';
import { type Opened, poolPartsOf } from './open-for-run.ts';

/** What an inline run works with, of the configuration and what was opened for it. */
export function syncParts(config: Config, opened: Opened, log: Logger): SyncParts {
  const { mirror, quota, archives } = opened;
  return {
    db: mirror.db,
    databaseUrl: mirror.databaseUrl,
    poolParts: poolPartsOf(config, archives),
    regionOf: (poolId) => settingsOf(config, poolId).region,
    formats: config.archiveFormats,
    program: PROGRAM,
    workFolder: workFolder(config),
    buckets: quota.buckets,
    quotaShared: quota.redis !== null,
    historyDays: config.historyDays,
    log,
  };
}
