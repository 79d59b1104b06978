import type { Server } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAdaptorServer } from '@hono/node-server';
import type { HttpSettings } from '../config/config.ts';
import { ActionRequiredError, type Problem } from '../model/errors.ts';
import { createRoutes, type RouteDeps } from './routes.ts';

/** Tight limits against slow or greedy clients. Probes and scrapes need little. */
const LIMITS = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 5_000,
};
const MAX_CONNECTIONS = 100;

/**
 * An idle connection is closed after this time, for example if the client does not read. Longer than
 * the limit for headers, whose excess gets a 408 response.
 */
const IDLE_MS = 7_000;

/** The time for requests in progress when the server closes. */
const GRACE_MS = 500;

export interface HttpServer {
  /** Without a slash at the end. */
  readonly url: string;
  /** Completes quick requests, cuts the others, and returns within a second. */
  close(): Promise<void>;
}

export interface HttpOptions extends RouteDeps {
  readonly settings: Pick<HttpSettings, 'host' | 'port'>;
}

/**
 * Serves health, readiness, metrics and the dashboard.
 *
 * @throws ActionRequiredError for PORT or HOST if it cannot listen there.
 */
export async function startHttp({ settings, ...deps }: HttpOptions): Promise<HttpServer> {
  const app = createRoutes(deps);
  const server = createAdaptorServer({
    fetch: app.fetch,
    // The default for HTTP/1.0 requests without a Host header.
    hostname: 'localhost',
    overrideGlobalObjects: false,
    serverOptions: LIMITS,
  }) as Server;
  server.maxConnections = MAX_CONNECTIONS;
  server.timeout = IDLE_MS;
  await listen(server, settings);
  // A connection could not be accepted, for example for lack of file descriptors. The server continues.
  server.on('error', (error) => deps.log.warn({ err: error }, 'HTTP server error'));
  const { port } = server.address() as AddressInfo;
  const host = isIPv6(settings.host) ? `[${settings.host}]` : settings.host;
  let closing: Promise<void> | null = null;
  return {
    url: `http://${host}:${port}`,
    close: () => {
      closing ??= Promise.all([close(server), deps.dashboard?.close()]).then(() => {});
      return closing;
    },
  };
}

async function listen(server: Server, { host, port }: HttpOptions['settings']): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (cause) {
    throw new ActionRequiredError(
      [explainListenError(cause as NodeJS.ErrnoException, host, port)],
      { cause },
    );
  }
}

function explainListenError({ code }: NodeJS.ErrnoException, host: string, port: number): Problem {
  switch (code) {
    case 'EADDRINUSE':
      return {
        subject: 'PORT',
        problem: `port ${port} on ${host} is in use.`,
        remedy: 'Stop the other program, or set another port; 0 selects a free one.',
      };
    case 'EACCES':
      return {
        subject: 'PORT',
        problem: `this user may not listen on port ${port}.`,
        remedy: 'Set a port of 1024 or above.',
      };
    default:
      return {
        subject: 'HOST',
        problem: `${JSON.stringify(host)} is not an address of this machine (${code}).`,
        remedy:
          'Set 127.0.0.1 for local access only, or 0.0.0.0 or :: for every address of this machine.',
      };
  }
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    // An error means that the server is already closed.
    server.close(() => resolve());
  });
  const done = new AbortController();
  const grace = sleep(GRACE_MS, undefined, { signal: done.signal })
    .then(() => server.closeAllConnections())
    .catch(() => {});
  await closed;
  done.abort();
  await grace;
}
