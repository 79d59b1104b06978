import { Writable } from 'node:stream';
import type pg from 'pg';
import { parseSnapshotName } from '../../src/app/snapshot-name.ts';
import { createDashboard } from '../../src/dashboard/app.tsx';
import type { DashboardActions, DashboardDeps } from '../../src/dashboard/deps.ts';
import { diff } from '../../src/history/diff.ts';
import { startHttp } from '../../src/http/server.ts';
import { ask } from '../../src/postgres/history/ask.ts';
import { postgresSource } from '../../src/postgres/history/source.ts';
import { discard } from '../../src/runner/held.ts';
import { trigger } from '../../src/runner/trigger.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { openMetrics } from '../../src/telemetry/metrics.ts';

/** The token that sees people and may act. */
export const TOKEN = 'the-token-that-acts';
/** The token that sees counts and runs only. */
export const VIEW_TOKEN = 'the-token-that-views';

/** A dashboard over a database, in this process. */
export interface TestDashboard {
  /** Without a slash at the end. */
  readonly url: string;
  /** The lines of its log so far. */
  readonly log: readonly Record<string, unknown>[];
  /** Requests a page with a token, as a program does. */
  get(path: string, token?: string): Promise<Response>;
  close(): Promise<void>;
}

/** What the dashboard of a test works with besides the database and actions. */
type TestDeps = Partial<Pick<DashboardDeps, 'tokens' | 'hashKey' | 'readServers' | 'worker'>>;

/** Serves the dashboard of a database. Without `actions`, it can do all but release and examine. */
export async function openDashboard(
  { db, databaseUrl }: { readonly db: pg.Pool; readonly databaseUrl: string },
  actions: Partial<DashboardActions> = {},
  deps: TestDeps = {},
): Promise<TestDashboard> {
  const lines: Record<string, unknown>[] = [];
  const destination = new Writable({
    decodeStrings: false,
    write(line: string, _, done) {
      lines.push(JSON.parse(line));
      done();
    },
  });
  const log = createLogger({ level: 'info', destination });
  const dashboard = createDashboard({
    db,
    tokens: { act: TOKEN, view: VIEW_TOKEN },
    actions: {
      release: () => Promise.reject(new Error('not part of this test')),
      discard: (name) => discard(db, parseSnapshotName(name)),
      trigger: (poolId) => trigger(db, poolId),
      diff: (poolId, use, { signal, ...question }) =>
        ask(
          { url: databaseUrl, place: 'the database of the test' },
          poolId,
          (asking) => diff(postgresSource(asking), question, use),
          signal,
        ),
      examine: () => Promise.reject(new Error('not part of this test')),
      ...actions,
    },
    allowances: { of: () => ({ share: 1, userListRps: 30 }) },
    hashKey: null,
    readServers: async () => [],
    worker: null,
    log,
    ...deps,
  });
  const server = await startHttp({
    settings: { host: '127.0.0.1', port: 0 },
    dashboard,
    metrics: openMetrics(),
    queryMetrics: async () => ({ pools: [], workers: null }),
    readiness: {},
    log,
  });
  return {
    url: server.url,
    log: lines,
    get: (path, token = TOKEN) =>
      fetch(server.url + path, {
        headers: { Authorization: `Bearer ${token}`, Accept: 'text/html' },
      }),
    close: () => server.close(),
  };
}
