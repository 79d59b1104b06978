import { untilAborted } from '../common/abort.ts';
import type { HttpSettings } from '../config/config.ts';
import { resolveAllowances } from '../config/pool-settings.ts';
import { createDashboard } from '../dashboard/app.tsx';
import type { DashboardActions, DashboardDeps } from '../dashboard/deps.ts';
import { startHttp } from '../http/server.ts';
import { requireMigrated } from '../postgres/migrate.ts';
import { openMetrics } from '../telemetry/metrics.ts';
import { fullReadiness } from './examine-mirror.ts';
import { openPagePool } from './open-database.ts';
import type { Resources } from './resources.ts';
import { serverStates } from './server-states.ts';

/** Where the dashboard is served. */
export interface DashboardOptions {
  /** At least one of the two tokens is required. */
  readonly http: HttpSettings;
  /** Called once it answers, with its URL. */
  readonly onReady?: (started: { readonly url: string }) => void;
}

/**
 * Serves the dashboard until `signal` fires. Health, readiness and metrics are those of this process.
 *
 * @throws NoMirrorError if nothing is mirrored yet
 */
export async function serveDashboard(
  resources: Resources,
  { http: settings, onReady }: DashboardOptions,
  actions: DashboardActions,
  signal: AbortSignal,
): Promise<void> {
  const { config, log } = resources;
  const { db, databaseUrl } = await resources.requireDatabase(signal);
  const { token: act, viewToken: view = null } = settings;
  const allowances = resolveAllowances(config);
  const readiness = {
    async postgres() {
      await db.query('SELECT 1');
    },
    schema: () => requireMigrated(db),
  };
  const pages = openPagePool(databaseUrl, log);
  const deps: DashboardDeps = {
    ...{ db: pages.db, tokens: { act, view }, actions, allowances, log },
    hashKey: resources.hashKey,
    readServers: serverStates(readiness),
    worker: null,
  };
  const server = await startHttp({
    settings,
    dashboard: createDashboard(deps),
    metrics: openMetrics(),
    // Workers report pools: this process may come and go.
    queryMetrics: async () => ({ pools: [], workers: null }),
    readiness,
    full: fullReadiness(resources, settings),
    log,
  });
  onReady?.({ url: server.url });
  try {
    await untilAborted(signal);
  } finally {
    await server.close();
    await pages.close();
  }
}
