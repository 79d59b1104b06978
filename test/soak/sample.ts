import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { filesBelow } from '../support/cli-mirror.ts';
import type { Fleet, FleetWorker } from '../support/fleet.ts';

/** What the soak looks at from outside. What cannot be had just now, as a server is away, is left out. */
export type Sample = Readonly<Record<string, number>>;

const MB = 1e6;

/** @param steady the worker that nothing strikes: what grows with time grows there. */
export async function takeSample(
  fleet: Fleet,
  steady: FleetWorker,
  workers: readonly FleetWorker[],
): Promise<Sample> {
  const parts = await Promise.all([
    processes(steady, workers),
    connections(fleet).catch(() => ({})),
    tables(fleet).catch(() => ({})),
    redis(fleet).catch(() => ({})),
    temporaryFiles(fleet),
  ]);
  return Object.assign({}, ...parts) as Sample;
}

async function processes(steady: FleetWorker, workers: readonly FleetWorker[]): Promise<Sample> {
  const found = await Promise.all(workers.map(({ pid }) => ofProcess(pid)));
  const known = found.filter((each) => each !== null);
  const own = await ofProcess(steady.pid);
  return {
    ...(own && { 'steady worker, MB': own.bytes / MB, 'steady worker, open files': own.files }),
    ...(known.length > 0 && {
      'largest worker, MB': Math.max(...known.map(({ bytes }) => bytes)) / MB,
      'most open files of a worker': Math.max(...known.map(({ files }) => files)),
    }),
  };
}

/** A process as /proc shows it; null if it ended, or without /proc. */
async function ofProcess(pid: number): Promise<{ bytes: number; files: number } | null> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
    const files = (await readdir(`/proc/${pid}/fd`)).length;
    return kilobytes === undefined ? null : { bytes: Number(kilobytes) * 1024, files };
  } catch {
    return null;
  }
}

async function connections(fleet: Fleet): Promise<Sample> {
  const found = await fleet.rows<{ pid: number; name: string }>(
    `SELECT pid, application_name AS name FROM pg_stat_activity
     WHERE datname = current_database() AND application_name LIKE 'cognito-mirror%'`,
  );
  const byName: Record<string, number> = {};
  for (const { name } of found) {
    byName[`connections: ${name}`] = (byName[`connections: ${name}`] ?? 0) + 1;
  }
  const sizes = await Promise.all(found.map(({ pid }) => ownMemory(pid)));
  const largest = Math.max(...sizes.filter((size) => size !== null));
  return {
    connections: found.length,
    ...byName,
    ...(largest > 0 && { 'largest connection in Postgres, MB': largest / MB }),
  };
}

/** What a process has for itself alone: of Postgres, without the buffers that all share. */
async function ownMemory(pid: number): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  const [, kilobytes] = /^Private_Dirty:\s+(\d+) kB$/m.exec(text) ?? [];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

async function tables(fleet: Fleet): Promise<Sample> {
  const [row] = await fleet.rows<Sample>(
    `WITH sizes AS (
       SELECT nspname, relname, coalesce(pg_total_relation_size(c.oid), 0) / 1e6 AS mb,
         nspname = 'mirror' AND relname LIKE 'stage\\_%' AS is_stage,
         relname LIKE '%\\_history' AS is_history,
         relname IN ('users', 'groups', 'memberships', 'user_hashes') AS is_current
       FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
       WHERE relkind = 'r' AND nspname IN ('directory', 'mirror', 'pg_catalog')
     )
     SELECT count(*) FILTER (WHERE is_stage)::int AS "stage tables",
       coalesce(sum(mb) FILTER (WHERE is_stage), 0)::float8 AS "stages, MB",
       sum(mb) FILTER (WHERE is_current AND NOT is_stage)::float8 AS "current state, MB",
       sum(mb) FILTER (WHERE is_history)::float8 AS "history, MB",
       sum(mb) FILTER (WHERE nspname <> 'pg_catalog'
         AND NOT is_stage AND NOT is_history AND NOT is_current)::float8 AS "machinery, MB",
       sum(mb) FILTER (WHERE nspname = 'pg_catalog')::float8 AS "catalogs of Postgres, MB"
     FROM sizes`,
  );
  return row ?? {};
}

async function redis({ redis: server }: Fleet): Promise<Sample> {
  const memory = String(await server.command('INFO', 'memory'));
  const [, bytes] = /^used_memory:(\d+)/m.exec(memory) ?? [];
  return {
    'Redis keys': Number(await server.command('DBSIZE')),
    'Redis, MB': Number(bytes) / MB,
  };
}

/** What lies in the temporary folder and in the home of the workers. */
async function temporaryFiles({ env, folder }: Fleet): Promise<Sample> {
  let files = 0;
  let bytes = 0;
  for (const parent of [env['TMPDIR'] ?? '', join(folder, '.cognito-mirror')]) {
    // A folder may go while it is listed.
    for (const name of await filesBelow(parent).catch(() => [])) {
      files += 1;
      bytes += await stat(join(parent, name)).then(
        ({ size }) => size,
        () => 0,
      );
    }
  }
  return { 'temporary files': files, 'temporary files, MB': bytes / MB };
}
