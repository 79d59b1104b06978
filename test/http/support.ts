import { createConnection } from 'node:net';
import { type HttpOptions, type HttpServer, startHttp } from '../../src/http/server.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { openMetrics } from '../../src/telemetry/metrics.ts';

export interface ServeOptions extends Partial<Omit<HttpOptions, 'settings'>> {
  readonly host?: string;
  readonly port?: number;
  readonly token?: string | null;
}

/** A server on a free port of loopback, with nothing to tell unless it is given something. */
export function serve(options: ServeOptions = {}): Promise<HttpServer> {
  const { host = '127.0.0.1', port = 0, token = null, ...parts } = options;
  return startHttp({
    settings: { host, port, token },
    metrics: openMetrics(),
    figures: async () => [],
    readiness: {},
    log: createLogger({ level: 'silent' }),
    ...parts,
  });
}

/** Sends bytes as they are; gives all that comes back until the server ends the connection. */
export function sendRaw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = createConnection({ host: hostname, port: Number(port) });
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      answer += chunk;
    });
    // A reset after the answer is an end too.
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
    socket.on('connect', () => socket.write(text));
  });
}
