import { createConnection } from 'node:net';
import type pg from 'pg';
import { createDashboard } from '../../src/dashboard/app.tsx';
import type { DashboardActions } from '../../src/dashboard/deps.ts';
import { type HttpOptions, type HttpServer, startHttp } from '../../src/http/server.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { openMetrics } from '../../src/telemetry/metrics.ts';

export interface ServeOptions extends Partial<Omit<HttpOptions, 'settings'>> {
  readonly host?: string;
  readonly port?: number;
  readonly token?: string | null;
}

/** A dashboard that is not asked for a page. */
const NOTHING = {
  db: null as unknown as pg.Pool,
  actions: null as unknown as DashboardActions,
  allowances: { of: () => ({ share: 1, userListRps: 30 }) },
  hashKey: null,
  readServers: async () => [],
  worker: null,
};

/** Starts a server on a free loopback port, without pools or checks by default. */
export function serve(options: ServeOptions = {}): Promise<HttpServer> {
  const { host = '127.0.0.1', port = 0, token = null, ...deps } = options;
  const log = createLogger({ level: 'silent' });
  return startHttp({
    settings: { host, port },
    dashboard:
      token === null
        ? null
        : createDashboard({ ...NOTHING, tokens: { act: token, view: null }, log }),
    metrics: openMetrics(),
    queryMetrics: async () => ({ pools: [], workers: null }),
    readiness: {},
    log,
    ...deps,
  });
}

/** Sends a raw request. Returns everything until the server ends the connection. */
export function sendRaw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = createConnection({ host: hostname, port: Number(port) });
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      answer += chunk;
    });
    // A reset after the response also ends the connection.
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
    socket.on('connect', () => socket.write(text));
  });
}
