import { join, resolve } from 'node:path';
import { clusterPaths, DATABASE, OWNER, readPassword } from './cluster.ts';
import { findPostmaster } from './postmaster.ts';

/**
 * The URL of the embedded Postgres of `home` if it runs and takes connections; null otherwise. Starts
 * nothing and waits for nothing. The server may stop at any time, as this caller does not count as a user.
 */
export async function findRunningPostgres(home: string): Promise<string | null> {
  const folder = join(resolve(home), 'postgres');
  const server = await findPostmaster(clusterPaths(folder).data);
  if (server?.state !== 'ready') return null;
  const password = await readPassword(folder);
  return password === null
    ? null
    : `postgres://${OWNER}:${password}@127.0.0.1:${server.port}/${DATABASE}`;
}
