import { setTimeout as sleep } from 'node:timers/promises';
import { ActionRequiredError } from '../../model/errors.ts';
import type { Queryable } from '../connection.ts';
import { INSUFFICIENT_PRIVILEGE } from '../database-error.ts';
import { endTransactions } from './transaction-owner.ts';

/** A worker process. */
export interface Worker {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
}

/** A worker whose last heartbeat is older is lost. */
export const LOST_AFTER_SECONDS = 30;

/** A lost worker is shown for this long. */
const FORGOTTEN_AFTER_HOURS = 1;

/** A live worker sends a heartbeat every five seconds, so one that sends none for this long is lost. */
const UNCHANGED_FOR_MS = 6_000;

/**
 * Records the heartbeat of a worker.
 *
 * @param jobs how many jobs it runs.
 * @param problem why it cannot work, or null.
 */
export async function recordHeartbeat(
  db: Queryable,
  worker: Worker,
  { jobs, problem }: { jobs: number; problem: string | null },
): Promise<void> {
  await db.query(
    `INSERT INTO mirror.workers (id, host, pid, version, jobs, problem)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp(), jobs = excluded.jobs,
       problem = excluded.problem`,
    [worker.id, worker.host, worker.pid, worker.version, jobs, problem],
  );
  await db.query(
    'DELETE FROM mirror.workers WHERE seen_at < clock_timestamp() - make_interval(hours => $1)',
    [FORGOTTEN_AFTER_HOURS],
  );
}

/** Removes a worker that stops. */
export async function removeWorker(db: Queryable, id: string): Promise<void> {
  await db.query('DELETE FROM mirror.workers WHERE id = $1', [id]);
}

/** The number of workers that are not lost. */
export async function countLiveWorkers(db: Queryable): Promise<number> {
  const found = await db.query<{ alive: number }>(
    `SELECT count(*) AS alive FROM mirror.workers
     WHERE seen_at > clock_timestamp() - make_interval(secs => $1)`,
    [LOST_AFTER_SECONDS],
  );
  return found.rows[0]?.alive ?? 0;
}

/**
 * Ends the open transactions of lost workers, because others would wait for their locks. If there are
 * lost workers, this waits a few seconds for a heartbeat: after a jump of Postgres's clock, live workers
 * look lost too.
 */
export async function endTransactionsOfLostWorkers(db: Queryable): Promise<void> {
  const before = new Set((await listLostWorkers(db)).map(({ seen }) => seen));
  if (before.size === 0) return;
  await sleep(UNCHANGED_FOR_MS);
  for (const { id, seen } of await listLostWorkers(db)) {
    if (!before.has(seen)) continue;
    await endTransactions(db, [id]).catch((error: { code?: string }) => {
      // The worker has another role. If its transactions hold locks that the caller needs, the caller's
      // statements wait for them.
      if (error.code !== INSUFFICIENT_PRIVILEGE) throw error;
    });
  }
}

/** The lost workers. `seen` identifies a worker and its last heartbeat. */
async function listLostWorkers(db: Queryable): Promise<{ id: string; seen: string }[]> {
  const lost = await db.query<{ id: string; seen: string }>(
    `SELECT id, id || ' ' || extract(epoch FROM seen_at) AS seen FROM mirror.workers
     WHERE seen_at <= clock_timestamp() - make_interval(secs => $1)`,
    [LOST_AFTER_SECONDS],
  );
  return lost.rows;
}

/** The name of this mirror in Redis, which several mirrors may share. */
export async function readInstallationId(db: Queryable): Promise<string> {
  const found = await db.query<{ id: string }>('SELECT id FROM mirror.installation');
  const id = found.rows[0]?.id;
  if (id !== undefined) return id;
  throw new ActionRequiredError([
    {
      subject: 'DATABASE_URL',
      problem:
        'the mirror in the database is incomplete: the row of mirror.installation is missing.',
      remedy: 'As the owner of the schemas, run `INSERT INTO mirror.installation DEFAULT VALUES`.',
    },
  ]);
}
