import { resolvePoolSettings } from '../config/pool-settings.ts';
import { ActionRequiredError, NoMirrorError } from '../model/errors.ts';
import type { PoolSource } from '../model/report-source.ts';
import {
  type Database,
  describeLocation,
  findDatabase,
  openDatabase,
} from '../postgres/database.ts';
import { formatSignerLine } from '../signature/allowed-signers.ts';
import { RECEIPT_NAMESPACE } from '../signature/sshsig.ts';
import { SnapshotProgress } from '../telemetry/snapshot-progress.ts';
import { Calls, KeyedMutex } from './calls.ts';
import { answerQuestions } from './history-questions.ts';
import { openLogger } from './logger.ts';
import type { Mirror } from './mirror.ts';
import type { MirrorOptions } from './options.ts';
import { ProgressReporter } from './progress-reporter.ts';
import { Resources } from './resources.ts';
import type { RestoreDeps } from './restore-target.ts';
import { parseSnapshotName, requirePoolIds } from './snapshot-name.ts';
import { toAccess, toConfig } from './to-config.ts';
import { withPoolNames } from './with-pool-names.ts';

/**
 * Each method loads what it alone needs, so that a short command starts quickly.
 *
 * @throws ActionRequiredError with every wrong option
 */
export function openMirror(options: MirrorOptions): Mirror {
  const config = toConfig(options);
  const log = openLogger(options.logger);
  const resources = new Resources(config, toAccess(options), log, options.traces);
  const calls = new Calls();
  const regions = new KeyedMutex();
  const location = describeLocation(config);

  /** Pools of one Region share a quota, and so wait for each other. */
  const lockRegions = <T>(pools: readonly string[] | 'all', work: () => Promise<T>): Promise<T> => {
    const names =
      pools === 'all'
        ? ['all']
        : pools.map((poolId) => resolvePoolSettings(resources.config, poolId).region);
    return regions.run([...new Set(names)], work);
  };

  /** Not through the mirror's own connections: a role that only reads cannot migrate. */
  const reading = async <T>(
    stop: AbortSignal,
    work: (database: Database) => Promise<T>,
  ): Promise<T> => {
    const database = await findDatabase(config, stop, log);
    if (database === null) throw new NoMirrorError(location);
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  };

  const question = <T>(
    poolId: string,
    signal: AbortSignal | undefined,
    answer: (source: PoolSource, stop: AbortSignal) => Promise<T>,
  ): Promise<T> =>
    calls.run(signal, async (stop) => {
      requirePoolIds([poolId]);
      const { ask } = await import('../postgres/history/ask.ts');
      const { postgresSource } = await import('../postgres/history/source.ts');
      return reading(stop, (database) =>
        ask(database, poolId, (asking) => answer(postgresSource(asking), stop), stop),
      );
    });

  const questions = answerQuestions(question, { options });

  /** What a restore works with. */
  const restoring = (stop: AbortSignal): RestoreDeps => ({
    resources,
    withDatabase: (work) => reading(stop, work),
  });

  const mirror: Mirror = {
    poolIds: async (pools) => pools,

    location,
    logger: log,

    exists: ({ signal } = {}) =>
      calls.run(signal, async (stop) => (await resources.findDatabase(stop)) !== null),

    async sync(poolId, options) {
      requirePoolIds([poolId]);
      const [outcome] = await mirror.syncPools([poolId], options);
      if (outcome === undefined || outcome.error !== null) throw outcome?.error;
      return outcome.report;
    },

    syncPools: (pools, { signal, onEnd, onProgress, logsOutcomes = true } = {}) =>
      calls.run(signal, (stop) =>
        lockRegions(pools, async () => {
          const reporter = new ProgressReporter(onProgress);
          try {
            const watcher = {
              logsOutcomes,
              onBegin: (progress: SnapshotProgress) => reporter.add(progress),
              ...(onEnd && { onEnd }),
            };
            const { mirrorPools } = await import('./sync-pools.ts');
            return await mirrorPools(resources, pools, watcher, stop);
          } finally {
            reporter.end();
          }
        }),
      ),

    async plan(poolId, options) {
      requirePoolIds([poolId]);
      const { outcomes } = await mirror.planPools([poolId], options);
      const [outcome] = outcomes;
      if (!outcome?.plan) throw outcome?.error;
      return outcome.plan;
    },

    planPools: (pools, { signal } = {}) =>
      calls.run(signal, async (stop) => {
        const { makePlans } = await import('./plan.ts');
        return makePlans(resources, pools, stop);
      }),

    status: ({ signal, ...options } = {}) =>
      calls.run(signal, async (stop) => {
        const { statusOf } = await import('./status.ts');
        return statusOf(resources, options, stop);
      }),

    checkAge: ({ signal, ...options }) =>
      calls.run(signal, async (stop) => {
        const { checkAge } = await import('./status.ts');
        return checkAge(resources, options, stop);
      }),

    examine: ({ signal, ...options } = {}) =>
      calls.run(signal, async (stop) => {
        const { examineMirror } = await import('./examine-mirror.ts');
        return examineMirror(resources, { ...options, signal: stop });
      }),

    release: (name, { signal, onProgress } = {}) =>
      calls.run(signal, async (stop) => {
        const { releaseSnapshot } = await import('./release.ts');
        return releaseSnapshot(resources, parseSnapshotName(name), onProgress, stop);
      }),

    discard: (name, { signal } = {}) =>
      calls.run(signal, async (stop) => {
        const { discard } = await import('../runner/held.ts');
        const key = parseSnapshotName(name);
        return discard((await resources.requireDatabase(stop)).db, key);
      }),

    trigger: (poolId, { signal } = {}) =>
      calls.run(signal, async (stop) => {
        requirePoolIds([poolId]);
        const { trigger } = await import('../runner/trigger.ts');
        return trigger((await resources.requireDatabase(stop)).db, poolId);
      }),

    retire: (poolId, { signal } = {}) =>
      calls.run(signal, async (stop) => {
        requirePoolIds([poolId]);
        const { retire } = await import('../runner/alarms.ts');
        return retire((await resources.requireDatabase(stop)).db, poolId);
      }),

    async prune(poolId, options) {
      requirePoolIds([poolId]);
      const [outcome] = await mirror.prunePools([poolId], options);
      if (!outcome?.pruning) throw outcome?.error;
      return outcome.pruning;
    },

    prunePools: (pools, { signal, dryRun = false } = {}) =>
      calls.run(signal, async (stop) => {
        const { prunePools } = await import('./prune.ts');
        return prunePools(resources, pools, dryRun, stop);
      }),

    forget: (poolId, users, { signal, ...options } = {}) =>
      calls.run(signal, async (stop) => {
        requirePoolIds([poolId]);
        const { suppress = false, reason = null, dryRun = false, scrub = false, onScrub } = options;
        const question = { users, suppress, reason, dryRun, scrub, ...(onScrub && { onScrub }) };
        const { forgetInPool } = await import('./forget.ts');
        return forgetInPool(resources, poolId, question, stop);
      }),

    restore: (request, { signal, ...options } = {}) =>
      calls.run(signal, async (stop) => {
        const { restorePool } = await import('./restore.ts');
        return restorePool(restoring(stop), request, options, stop);
      }),

    importCsv: (selection, use, { signal } = {}) =>
      calls.run(signal, async (stop) => {
        const { writeImportCsv } = await import('./import-csv.ts');
        return writeImportCsv(restoring(stop), selection, use, stop);
      }),

    allowedSigner: ({ signal } = {}) =>
      calls.run(signal, async (stop) => {
        const signer = await resources.signer(stop);
        if (signer !== null) return formatSignerLine(signer.publicKey);
        const remedy = 'Set it to the path of a key, or to kms: and the ARN of a key.';
        throw ActionRequiredError.of('ARCHIVE_SIGNING_KEY', 'is not set.', remedy);
      }),

    worker: ({ signal, ...options } = {}) =>
      calls.run(signal, async (stop) => {
        const { dashboardActions } = await import('./dashboard-actions.ts');
        const { runWorker } = await import('./run-worker.ts');
        return runWorker(resources, options, dashboardActions(mirror), stop);
      }),

    dashboard: ({ signal, ...options }) =>
      calls.run(signal, async (stop) => {
        const { dashboardActions } = await import('./dashboard-actions.ts');
        const { serveDashboard } = await import('./serve-dashboard.ts');
        return serveDashboard(resources, options, dashboardActions(mirror), stop);
      }),

    list: (listing, { signal } = {}) =>
      calls.stream(signal, async function* (stop) {
        requirePoolIds([listing.poolId]);
        const { listPages } = await import('./list-pages.ts');
        yield* listPages(resources, listing, stop);
      }),

    query: (sql, use, { signal } = {}) =>
      calls.run(signal, async (stop) => {
        const { runQuery } = await import('./query.ts');
        return reading(stop, (database) => runQuery(database, sql, use, stop));
      }),

    ...questions,

    diff(poolId, use, { onProgress, ...options } = {}) {
      if (options.to !== 'now') return questions.diff(poolId, use, options);
      return calls.run(options.signal, async (stop) => {
        requirePoolIds([poolId]);
        const reporter = new ProgressReporter(onProgress);
        const progress = new SnapshotProgress(poolId);
        reporter.add(progress);
        try {
          const { diffNow } = await import('./diff-now.ts');
          return await lockRegions([poolId], () =>
            diffNow(resources, poolId, options, use, progress, stop),
          );
        } finally {
          reporter.end();
        }
      });
    },

    signReceipt: (receipt, { signal } = {}) =>
      calls.run(signal, async (stop) => {
        const signer = await resources.signer(stop);
        return (await signer?.sign(receipt, stop, RECEIPT_NAMESPACE)) ?? null;
      }),

    migrate: ({ signal } = {}) =>
      calls.run(signal, async (stop) => {
        const { migrate } = await import('../postgres/migrate.ts');
        const database = await openDatabase(config, stop, log);
        try {
          return await migrate(database.url, log);
        } finally {
          await database.close();
        }
      }),

    openDatabase: ({ signal } = {}) => calls.run(signal, (stop) => openDatabase(config, stop, log)),

    reservePoolId: (candidate, { signal } = {}) =>
      calls.run(signal, async (stop) => {
        const { reservePoolId } = await import('../postgres/coordination/reserve-pool-id.ts');
        return reservePoolId((await resources.database(stop)).databaseUrl, candidate);
      }),

    get usage() {
      return resources.openQuota?.buckets.usage() ?? { rate: 0, allowed: 0 };
    },

    async close() {
      await calls.close();
      await resources.close();
    },
  };
  return withPoolNames(mirror, { resources, calls });
}
