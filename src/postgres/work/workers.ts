import { setTimeout as sleep } from 'node:timers/promises';
import { ActionRequiredError } from '../../model/errors.ts';
import type { Queryable } from '../connection.ts';
import { endTransactionsOf } from './transaction-owner.ts';

/** A worker process, as it tells of itself. */
export interface Worker {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
}

/** A worker that was not heard of for so long is lost. */
export const LOST_AFTER_SECONDS = 30;

/** For so long a lost one is still told of. */
const FORGOTTEN_AFTER_HOURS = 1;

/** A live worker is seen every five seconds: one that is not seen for so long is lost indeed. */
const UNCHANGED_FOR_MS = 6_000;

const INSUFFICIENT_PRIVILEGE = '42501';

/**
 * Says that a worker is alive.
 *
 * @param jobs how many it has in hand.
 * @param problem what keeps it from working, or null.
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

/** Takes leave of a worker that ends. */
export async function removeWorker(db: Queryable, id: string): Promise<void> {
  await db.query('DELETE FROM mirror.workers WHERE id = $1', [id]);
}

/** How many workers are alive. */
export async function countLiveWorkers(db: Queryable): Promise<number> {
  const found = await db.query<{ alive: number }>(
    `SELECT count(*) AS alive FROM mirror.workers
     WHERE seen_at > clock_timestamp() - make_interval(secs => $1)`,
    [LOST_AFTER_SECONDS],
  );
  return found.rows[0]?.alive ?? 0;
}

/**
 * Ends the open transactions of lost workers, as others would wait for their locks. Where there are
 * lost workers, it takes a few seconds: after a step of Postgres's clock, live ones look lost too.
 */
export async function endTransactionsOfLostWorkers(db: Queryable): Promise<void> {
  const before = new Set((await lostWorkers(db)).map(({ seen }) => seen));
  if (before.size === 0) return;
  await sleep(UNCHANGED_FOR_MS);
  for (const { id, seen } of await lostWorkers(db)) {
    if (!before.has(seen)) continue;
    await endTransactionsOf(db, [id]).catch((error: { code?: string }) => {
      // The worker's role is another one. Whether its transactions matter to the caller is open; if
      // they do, the caller's own statements wait for their locks.
      if (error.code !== INSUFFICIENT_PRIVILEGE) throw error;
    });
  }
}

/** The lost workers; `seen` tells each, as it was last seen, from how it was seen before. */
async function lostWorkers(db: Queryable): Promise<{ id: string; seen: string }[]> {
  const lost = await db.query<{ id: string; seen: string }>(
    `SELECT id, id || ' ' || extract(epoch FROM seen_at) AS seen FROM mirror.workers
     WHERE seen_at <= clock_timestamp() - make_interval(secs => $1)`,
    [LOST_AFTER_SECONDS],
  );
  return lost.rows;
}

/** What names this mirror among those that keep their jobs in one Redis. */
export async function installationId(db: Queryable): Promise<string> {
  const found = await db.query<{ id: string }>('SELECT id FROM mirror.installation');
  const id = found.rows[0]?.id;
  if (id !== undefined) return id;
  throw new ActionRequiredError([
    {
      subject: 'DATABASE_URL',
      problem:
        'the mirror in the database is not complete: the row of mirror.installation is missing.',
      remedy: 'Run `INSERT INTO mirror.installation DEFAULT VALUES` as the owner of the schemas.',
    },
  ]);
}
