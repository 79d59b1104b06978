import type { Server } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAdaptorServer } from '@hono/node-server';
import type { HttpSettings } from '../config/config.ts';
import { ActionRequiredError, type Problem } from '../model/errors.ts';
import { type RouteDeps, routes } from './routes.ts';

/** A server of probes and scrapes needs little; a slow or greedy client gets no more. */
const LIMITS = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 5_000,
};
const MOST_CONNECTIONS = 100;

/**
 * A connection on which nothing gets on is cut, as that of a client that reads no answer. Longer than
 * a head may take, whose sender is told.
 */
const SILENCE_MS = 7_000;

/** What requests under way may still take once the server closes. */
const GRACE_MS = 500;

/** A server that answers HTTP. */
export interface HttpServer {
  /** Without a slash at its end. */
  readonly url: string;
  /** Ends within a second: requests under way are answered if that is quick, and else cut. */
  close(): Promise<void>;
}

export interface HttpOptions extends Omit<RouteDeps, 'token'> {
  readonly settings: HttpSettings;
}

/**
 * Serves health, readiness and metrics.
 *
 * @throws ConfigurationError (of PORT or HOST) where it cannot listen there.
 */
export async function startHttp({ settings, ...parts }: HttpOptions): Promise<HttpServer> {
  const app = routes({ ...parts, token: settings.token });
  const server = createAdaptorServer({
    fetch: app.fetch,
    // For requests of HTTP/1.0, which need name no host.
    hostname: 'localhost',
    overrideGlobalObjects: false,
    serverOptions: LIMITS,
  }) as Server;
  server.maxConnections = MOST_CONNECTIONS;
  server.timeout = SILENCE_MS;
  await listen(server, settings);
  // Of a connection that could not be accepted, as where files run out: it serves on.
  server.on('error', (error) => parts.log.warn({ err: error }, 'the HTTP server had an error'));
  const { port } = server.address() as AddressInfo;
  const host = isIPv6(settings.host) ? `[${settings.host}]` : settings.host;
  let closing: Promise<void> | null = null;
  return {
    url: `http://${host}:${port}`,
    close: () => {
      closing ??= close(server);
      return closing;
    },
  };
}

async function listen(server: Server, { host, port }: HttpSettings): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (cause) {
    throw new ActionRequiredError([explain(cause as NodeJS.ErrnoException, host, port)], { cause });
  }
}

/** By Node's code of a failed listen. */
function explain({ code }: NodeJS.ErrnoException, host: string, port: number): Problem {
  switch (code) {
    case 'EADDRINUSE':
      return {
        subject: 'PORT',
        problem: `port ${port} of ${host} is in use.`,
        remedy: 'Stop what uses it, or set another; 0 takes a free one.',
      };
    case 'EACCES':
      return {
        subject: 'PORT',
        problem: `this user may not listen on port ${port}.`,
        remedy: 'Set one of 1024 or above.',
      };
    default:
      return {
        subject: 'HOST',
        problem: `${JSON.stringify(host)} is no address of this machine (${code}).`,
        remedy: 'Set 127.0.0.1 for this machine alone, or 0.0.0.0 or :: for every address it has.',
      };
  }
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    // An error says that it was closed before.
    server.close(() => resolve());
  });
  const quick = new AbortController();
  const grace = sleep(GRACE_MS, undefined, { signal: quick.signal })
    .then(() => server.closeAllConnections())
    .catch(() => {});
  await closed;
  quick.abort();
  await grace;
}
