import type pg from 'pg';
import { formatCommand } from '../common/command.ts';
import { secondsBetween } from '../common/time.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { Notifier } from '../notify/notifier.ts';
import { readClock, transaction } from '../postgres/connection.ts';
import {
  type LatePool,
  listSchedulesSince,
  recordLate,
  recordVanished,
  retirePool,
} from '../postgres/coordination/alarms.ts';
import { readPoolRows } from '../postgres/store/pool-status.ts';
import type { Logger } from '../telemetry/logger.ts';
import { findMaxAge } from './mirror-age.ts';
import { explainOutcome } from './outcome.ts';

interface AlarmDeps {
  readonly db: pg.Pool;
  readonly notifier?: Notifier | undefined;
  readonly log: Logger;
}

/**
 * Finds pools whose mirror is older than their schedule allows, by the rule of the dashboard, and reports
 * each once. A pool that is new in the schedule has time for its first run.
 */
export async function reportLate({ db, notifier, log }: AlarmDeps): Promise<void> {
  const at = await readClock(db);
  const schedules = await listSchedulesSince(db);
  if (schedules.length === 0) return;
  const newest = new Map(
    (await readPoolRows(db, null)).map(({ poolId, newest }) => [poolId, newest]),
  );
  const late = schedules.flatMap((schedule): LatePool[] => {
    const { poolId, since } = schedule;
    const age = newest.get(poolId)?.ageSeconds ?? Number.POSITIVE_INFINITY;
    if (Math.min(age, secondsBetween(since, at)) <= findMaxAge(schedule, at)) return [];
    const last = newest.get(poolId) ?? null;
    const mirrored =
      last === null ? 'No snapshot was published yet' : `The newest snapshot is ${last.snapshot}`;
    const reason = `${mirrored}, and a run was due more than two hours ago.`;
    return [{ poolId, reason, newestAt: last?.snapshotAt ?? null }];
  });
  for (const { poolId, reason } of await recordLate(db, late)) {
    log.error({ poolId, reason }, 'the mirror of a pool is late');
    notifier?.runEnded({ poolId, runId: null, succeeded: false, snapshotAt: null, reason });
  }
}

/** Reports each pool once that COGNITO_POOLS=all no longer lists. */
export async function reportVanished({ db, notifier, log }: AlarmDeps): Promise<void> {
  const reason = 'COGNITO_POOLS=all no longer lists the pool.';
  for (const poolId of await recordVanished(db, reason)) {
    log.error({ poolId }, 'COGNITO_POOLS=all no longer lists a pool');
    notifier?.runEnded({ poolId, runId: null, succeeded: false, snapshotAt: null, reason });
  }
}

/**
 * Makes a report before runs start. No run depends on it, so an error of Postgres is only logged.
 *
 * @param report `reportLate` or `reportVanished`
 */
export async function tryReport(
  report: (deps: AlarmDeps) => Promise<void>,
  deps: AlarmDeps,
): Promise<void> {
  try {
    await report(deps);
  } catch (error) {
    const reason = explainOutcome(error);
    deps.log.warn({ reason }, 'could not look for pools that vanished or are late');
  }
}

/**
 * Ends the alarms of a pool that is mirrored no more. What was mirrored stays.
 *
 * @throws ActionRequiredError if the pool is unknown, listed or scheduled.
 */
export async function retire(db: pg.Pool, poolId: string): Promise<void> {
  const result = await transaction(db, (client) => retirePool(client, poolId));
  switch (result) {
    case 'retired':
      return;
    case 'unknown':
      throw ActionRequiredError.of(
        poolId,
        'nothing is mirrored of this pool.',
        `\`${formatCommand(['status'])}\` shows the pools.`,
      );
    case 'listed':
      throw ActionRequiredError.of(
        poolId,
        'COGNITO_POOLS=all lists this pool, so the next run would mirror it again.',
        'Name the other pools in COGNITO_POOLS, or delete the pool first.',
      );
    case 'scheduled':
      throw ActionRequiredError.of(
        poolId,
        'workers mirror this pool on a schedule.',
        'Remove it from COGNITO_POOLS or the file of MIRROR_CONFIG, and restart the workers first.',
      );
  }
}
