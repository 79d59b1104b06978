import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { findRedisServer } from '../../scripts/lib/redis.mjs';
import type { Certificate } from './certificates.ts';
import { temporaryFolder } from './temp.ts';

/** How long a server may take to answer after its start. */
const PATIENCE_MS = 15_000;

/** A real Redis of a test's own, on loopback. */
export interface TestRedis {
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now. */
  readonly pid: number;
  /** Stops the server as SIGTERM does, and keeps its files for `restart`. */
  stop(): Promise<void>;
  /** Stops it by SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again on the same port, stopping it first if it runs. */
  restart(options: { keepData: boolean }): Promise<void>;
  /** Deletes every key. */
  flush(): Promise<void>;
  /** Runs a command on a connection of its own. */
  command(name: string, ...args: (string | number)[]): Promise<unknown>;
  /** Stops it and deletes its files. */
  close(): Promise<void>;
}

export interface TestRedisOptions {
  /** Whether it keeps its data over a restart (append-only file). */
  readonly persistent?: boolean;
  /** Asked of every client. */
  readonly password?: string;
  /** With it the server speaks TLS, and nothing else. */
  readonly certificate?: Certificate;
  /** Further settings, as in redis.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Further arguments, for settings of more than one word: `--rename-command EVAL ''`. */
  readonly args?: readonly string[];
  /** The server's program, such as a valkey-server; the suite's redis-server without it. */
  readonly program?: string;
}

/** Starts a Redis on a free port, with its files in a temporary folder. */
export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const { persistent = false, password, certificate, settings = {} } = options;
  const program = options.program ? { path: options.program, env: {} } : await findRedisServer();
  if (program === null)
    throw new Error('redis-server is not installed. Run `npm test`, which downloads it.');
  const folder = await temporaryFolder();
  const port = await freePort();
  const scheme = certificate === undefined ? 'redis' : 'rediss';
  const url = `${scheme}://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`;
  const args = Object.entries({
    ...(certificate === undefined
      ? { port: String(port) }
      : { port: '0', 'tls-port': String(port), ...(await writeTls(folder.path, certificate)) }),
    bind: '127.0.0.1',
    dir: folder.path,
    // The suite finds servers that are still running by this file.
    pidfile: join(folder.path, 'redis.pid'),
    save: '',
    appendonly: persistent ? 'yes' : 'no',
    appendfsync: 'always',
    ...(password === undefined ? {} : { requirepass: password }),
    ...settings,
  })
    .flatMap(([name, value]) => [`--${name}`, value])
    .concat(options.args ?? []);

  const command = async (name: string, ...values: (string | number)[]) => {
    const client = new Redis(url, {
      lazyConnect: true,
      retryStrategy: () => null,
      // The check sends INFO, which a test may forbid.
      enableReadyCheck: false,
      // The certificate may be wrong on purpose.
      ...(certificate === undefined ? {} : { tls: { rejectUnauthorized: false } }),
    });
    client.on('error', () => {});
    try {
      await client.connect();
      return await client.call(name, ...values);
    } finally {
      client.disconnect();
    }
  };

  let server: ChildProcess;
  const start = async () => {
    server = spawn(program.path, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...program.env },
    });
    let log = '';
    server.stdout?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    const deadline = performance.now() + PATIENCE_MS;
    while ((await command('PING').catch(() => null)) !== 'PONG') {
      if (server.exitCode !== null || performance.now() > deadline) {
        server.kill('SIGKILL');
        throw new Error(`redis-server did not start:\n${log}`);
      }
      await sleep(20);
    }
  };
  const end = async (signal: NodeJS.Signals) => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
  };

  await start();
  return {
    url,
    port,
    get pid() {
      return server.pid ?? 0;
    },
    command,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async restart({ keepData }) {
      if (keepData && !persistent) throw new Error('The server was started without `persistent`.');
      if (!keepData) await command('FLUSHALL').catch(() => {});
      await end('SIGTERM');
      await start();
    },
    async flush() {
      await command('FLUSHALL');
    },
    async close() {
      await end('SIGKILL');
      await folder.remove();
    },
  };
}

/** Writes the files of a certificate, and gives the settings that name them. */
async function writeTls(folder: string, { cert, key }: Certificate) {
  const paths = { cert: join(folder, 'redis.crt'), key: join(folder, 'redis.key') };
  await writeFile(paths.cert, cert);
  await writeFile(paths.key, key, { mode: 0o600 });
  return { 'tls-cert-file': paths.cert, 'tls-key-file': paths.key, 'tls-auth-clients': 'no' };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
