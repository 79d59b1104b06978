import type { Config } from '../config/config.ts';
import type { PlanDeps } from '../estimate/plan-pools.ts';
import type { Logger } from '../telemetry/logger.ts';
import { allOrProblems, createArchives } from './open-archives.ts';
import { createPoolDepsLookup } from './open-for-run.ts';
import { findMirrorDatabase, type MirrorDatabase } from './open-mirror.ts';
import { openQuota, type Quota } from './open-quota.ts';

/**
 * Opens what planning works with: quota, and the database where there is one. Archives are only
 * read, and not proved.
 */
export async function openForPlan(
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<{ deps: PlanDeps; close(): Promise<void> }> {
  const quota = openQuota(config, log, signal);
  const mirror = findMirrorDatabase(config, signal);
  const close = async () => {
    for (const opening of [quota, mirror]) {
      const opened = await opening.catch(() => null);
      await opened?.close();
    }
  };
  try {
    const [{ buckets }, found] = await allOrProblems<[Quota, MirrorDatabase | null]>(quota, mirror);
    const poolDeps = createPoolDepsLookup(config, createArchives(config));
    return {
      deps: { db: found?.db ?? null, poolDeps, formats: config.archiveFormats, buckets, log },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
