import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdir } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findBinaries } from '../../src/postgres/embedded/binaries.ts';
import { chooseLaunch } from '../../src/postgres/embedded/launch.ts';
import { linkLibraries } from '../../src/postgres/embedded/libraries.ts';
import { commandLine, runProgram } from '../../src/postgres/embedded/programs.ts';
import { runSql } from './postgres.ts';
import { temporaryFolder } from './temp.ts';

/** The programs of one version of Postgres. */
export interface PostgresPrograms {
  readonly version: string;
  readonly initdb: string;
  readonly postgres: string;
  /** The npm package that brings it, if any: its libraries must be linked. */
  readonly packageFolder: string | null;
}

/** A server whose superuser the test is. */
export interface PostgresServer {
  /** Of the superuser, who needs no password. */
  readonly url: string;
  /** The database `mirror`, for a role. */
  urlFor(role: string): string;
  /** Crashes it by an immediate shutdown, and starts it again on the same port. */
  crash(): Promise<void>;
  /** Stops it and deletes its files. */
  close(): Promise<void>;
}

/** Where Debian's packages put each version. */
const DEBIAN = '/usr/lib/postgresql';

/** The embedded Postgres, and every other version that is installed on this machine. */
export async function postgresVersions(): Promise<PostgresPrograms[]> {
  const { initdb, postgres, packageFolder } = await findBinaries();
  const installed = existsSync(DEBIAN) ? readdirSync(DEBIAN) : [];
  return [
    { version: 'embedded', initdb, postgres, packageFolder },
    ...installed.map((version) => {
      const bin = join(DEBIAN, version, 'bin');
      return {
        version,
        initdb: join(bin, 'initdb'),
        postgres: join(bin, 'postgres'),
        packageFolder: null,
      };
    }),
  ].filter((programs) => existsSync(programs.initdb) && existsSync(programs.postgres));
}

/** Starts a server with an empty database `mirror`, on a free port of loopback. */
export async function startPostgresServer(
  programs: PostgresPrograms,
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresServer> {
  const home = await temporaryFolder();
  // The end of the suite looks here for servers that were left running.
  const data = join(home.path, 'postgres/data');
  await mkdir(data, { recursive: true });
  const { packageFolder } = programs;
  const libraries =
    packageFolder && (await linkLibraries(packageFolder, join(home.path, 'libraries')));
  const launch = await chooseLaunch(programs.postgres, join(data, 'new'), libraries);
  if (launch.account !== null) await chown(data, launch.account.uid, launch.account.gid);
  const initial = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C'];
  await runProgram(launch, programs.initdb, [...initial, '--no-sync']);
  const port = await freePort();
  const all = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'off',
    port: String(port),
    ...settings,
  };
  const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const line = commandLine(launch, programs.postgres, ['-D', data, ...args]);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const start = async () => {
    const server = spawn(line.file, line.args, { ...line.options, stdio: 'ignore' });
    const ended = new Promise((resolve) => server.once('exit', resolve));
    while ((await runSql(url, 'SELECT').catch(() => null)) === null) {
      if (server.exitCode !== null) throw new Error(`Postgres ${programs.version} does not start.`);
      await sleep(50);
    }
    return async (signal: 'SIGINT' | 'SIGQUIT') => {
      server.kill(signal);
      await ended;
    };
  };
  let stop = await start();
  await runSql(url, 'CREATE DATABASE mirror');
  return {
    url,
    urlFor: (role) => `postgres://${role}@127.0.0.1:${port}/mirror`,
    async crash() {
      await stop('SIGQUIT');
      stop = await start();
    },
    async close() {
      await stop('SIGINT');
      await home.remove();
    },
  };
}

/** A port that nothing listens at. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
