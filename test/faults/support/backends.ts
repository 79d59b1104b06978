import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEmbeddedPostgres } from '../../../src/postgres/embedded/open.ts';
import { migrate } from '../../../src/postgres/migrate.ts';
import { serverPid } from '../../support/embedded-server.ts';
import { dropDatabase, runSql } from '../../support/postgres.ts';
import { startRedis, type TestRedis } from '../../support/redis-server.ts';
import { temporaryFolder } from '../../support/temp.ts';

/** Servers into which faults are injected, for one case after the other. */
export interface Backends {
  readonly postgres: RestartablePostgres;
  readonly redis: TestRedis;
  close(): Promise<void>;
}

/** A Postgres that can be restarted, which moves it to another port. */
export interface RestartablePostgres {
  readonly port: number;
  /** Makes a migrated database, and gives its URL as of now. */
  createDatabase(): Promise<string>;
  drop(url: string): Promise<void>;
  /** The URL of a database where the server is now. */
  urlNow(url: string): string;
  /** Stops it by a signal (SIGINT is a fast shutdown, SIGQUIT a crash), and starts it again. */
  restart(signal: 'SIGINT' | 'SIGQUIT'): Promise<void>;
}

/** @param home where Postgres keeps its files; a temporary folder where absent. */
export async function openBackends(home?: string): Promise<Backends> {
  const folder = await temporaryFolder();
  const at = home ?? folder.path;
  let server = await openEmbeddedPostgres(at);
  const serverUrl = () => new URL(server.url);
  const urlOf = (database: string) => Object.assign(serverUrl(), { pathname: `/${database}` }).href;
  const redis = await startRedis({ persistent: true });
  const postgres: RestartablePostgres = {
    get port() {
      return Number(serverUrl().port);
    },
    async createDatabase() {
      const name = `case_${randomBytes(6).toString('hex')}`;
      // Not as the copy of a template: on `wal_level = minimal` Postgres syncs no init fork of a copy,
      // so that its UNLOGGED tables may be unreadable after a crash.
      await runSql(server.url, `CREATE DATABASE ${name}`);
      await migrate(urlOf(name));
      return urlOf(name);
    },
    drop: (url) => dropDatabase(server.url, nameOf(url)),
    urlNow: (url) => urlOf(nameOf(url)),
    async restart(signal) {
      const pid = await serverPid(at);
      if (pid !== null && isRunning(pid)) process.kill(pid, signal);
      while (pid !== null && isRunning(pid)) await sleep(10);
      server = await openEmbeddedPostgres(at);
    },
  };
  return {
    postgres,
    redis,
    async close() {
      await redis.close();
      await server.close();
      await folder.remove();
    },
  };
}

/** A database's name, by its URL. */
function nameOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
