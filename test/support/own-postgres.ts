import { join } from 'node:path';
import { findBinaries } from '../../src/postgres/embedded/binaries.ts';
import { chooseLaunch } from '../../src/postgres/embedded/launch.ts';
import { openEmbeddedPostgres } from '../../src/postgres/embedded/open.ts';
import { runProgram } from '../../src/postgres/embedded/programs.ts';
import { serverPid, stopServer } from './embedded-server.ts';
import { temporaryFolder } from './temp.ts';

/** A Postgres of a test's own, for what is set for a whole server. */
export interface OwnPostgres {
  /** For a role that may create databases and roles, but is not a superuser. */
  readonly url: string;
  /** The folder of its data and its configuration. */
  readonly data: string;
  /** Has it read its configuration again, which it does a moment later. */
  reload(): Promise<void>;
  /** Stops it, and leaves its files. */
  stop(): Promise<void>;
  /** Stops it and deletes its files. */
  close(): Promise<void>;
}

/** Starts a Postgres on a free port of loopback. */
export async function startPostgres(): Promise<OwnPostgres> {
  const home = await temporaryFolder();
  const data = join(home.path, 'postgres/data');
  await (await openEmbeddedPostgres(home.path)).close();
  await allowRoles(data);
  const server = await openEmbeddedPostgres(home.path);
  return {
    url: server.url,
    data,
    async reload() {
      process.kill((await serverPid(home.path)) as number, 'SIGHUP');
    },
    async stop() {
      await server.close();
      // On a busy machine, its last checkpoint takes longer than the program waits.
      await stopServer(home.path);
    },
    async close() {
      await server.close();
      await home.remove();
    },
  };
}

/** The server rejects superusers. Its own program in single-user mode accepts them. */
async function allowRoles(data: string): Promise<void> {
  const { postgres } = await findBinaries();
  const launch = await chooseLaunch(postgres, data, null);
  const input = 'ALTER ROLE cognito_mirror CREATEROLE;\n';
  await runProgram(launch, postgres, ['--single', '-D', data, 'postgres'], { input });
}
