import type { Config } from '../config/config.ts';
import type { PlanParts } from '../estimate/plan-pools.ts';
import type { Logger } from '../telemetry/logger.ts';
import { allOrProblems, archivesOf } from './open-archives.ts';
import { poolPartsOf } from './open-for-run.ts';
import { findMirror, type Mirror } from './open-mirror.ts';
import { openQuota, type Quota } from './open-quota.ts';

/**
 * Opens what planning works with: quota, and the database where there is one. Archives are only
 * read, and not proved.
 */
export async function openForPlan(
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<{ parts: PlanParts; close(): Promise<void> }> {
  const quota = openQuota(config, log, signal);
  const mirror = findMirror(config, signal);
  const close = async () => {
    for (const opening of [quota, mirror]) {
      const opened = await opening.catch(() => null);
      await opened?.close();
    }
  };
  try {
    const [{ buckets }, found] = await allOrProblems<[Quota, Mirror | null]>(quota, mirror);
    const poolParts = poolPartsOf(config, archivesOf(config));
    return {
      parts: { db: found?.db ?? null, poolParts, formats: config.archiveFormats, buckets, log },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
