import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chooseLaunch } from '../../src/postgres/embedded/launch.ts';
import { commandLine } from '../../src/postgres/embedded/programs.ts';
import type { Pooler, PoolerOptions } from './pooler.ts';
import { freePort } from './postgres-server.ts';
import { temporaryFolder } from './temp.ts';

const PLACES = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];

/** The program of PgBouncer, where it is installed. */
export const PGBOUNCER =
  PLACES.map((folder) => join(folder, 'pgbouncer')).find((path) => existsSync(path)) ?? null;

/** Starts PgBouncer with its defaults, except the mode, in front of a server that trusts it. */
export async function startPgBouncer(
  program: string,
  target: string,
  { mode, size = 10, order = 'last' }: PoolerOptions,
): Promise<Omit<Pooler, 'opened'>> {
  const { hostname, port: serverPort, username, pathname } = new URL(target);
  const folder = await temporaryFolder();
  const port = await freePort();
  const path = join(folder.path, 'pgbouncer.ini');
  const server = `host=${hostname} port=${serverPort} user=${username}`;
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'any',
    pool_mode: mode,
    default_pool_size: size,
    server_round_robin: order === 'first' ? 1 : 0,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  const database = pathname.slice(1);
  await writeFile(
    path,
    ['[databases]', `${database} = ${server}`, '[pgbouncer]', ...lines].join('\n'),
  );
  await chmod(folder.path, 0o755);
  const launch = await chooseLaunch(program, join(folder.path, 'data'), null);
  const line = commandLine(launch, program, ['-q', path]);
  const child = spawn(line.file, line.args, { ...line.options, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const url = new URL(target);
  url.port = String(port);
  const listens = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () =>
        resolve(false),
      );
      socket.unref().on('connect', () => socket.end());
    });
  while (!(await listens())) {
    if (child.exitCode !== null) throw new Error('PgBouncer does not start.');
    await sleep(50);
  }
  return {
    url: url.href,
    async close() {
      child.kill('SIGTERM');
      child.kill('SIGKILL');
      await ended;
      await folder.remove();
    },
  };
}
