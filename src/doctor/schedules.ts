import { formatCommand } from '../common/command.ts';
import { formatInZone, formatSpan } from '../common/format.ts';
import { computeDueTimes } from '../postgres/coordination/due-times.ts';
import { listSchedules } from '../postgres/coordination/schedules.ts';
import { readPoolRows } from '../postgres/store/pool-status.ts';
import { findMaxAge } from '../runner/mirror-age.ts';
import { type CheckDefinition, type CheckResult, failed, ok, warning } from './check.ts';

const scheduleCheck: CheckDefinition = {
  id: 'schedule',
  title: 'Schedule of',
  examines: 'when workers mirror each pool next, in the time zone of its schedule',
  isQuick: true,
  remedy: 'Correct MIRROR_SCHEDULE and MIRROR_TIMEZONE, or the entry of the pool in the file.',
  subjects: async ({ config, isUsable, poolIds }) =>
    // Without Redis no worker can run, and what runs `sync` has a schedule of its own.
    config.redisUrl !== null && isUsable('MIRROR_SCHEDULE') && isUsable('MIRROR_TIMEZONE')
      ? poolIds()
      : [],
  examine: async ({ settingsOf }, _, poolId) => {
    const { schedule } = settingsOf(poolId);
    const { startsAt, dueAt } = computeDueTimes({ poolId, ...schedule }, new Date());
    const then = computeDueTimes({ poolId, ...schedule }, dueAt);
    const [next, later] = [startsAt, then.startsAt].map((at) =>
      formatInZone(at, schedule.timezone),
    );
    return [ok(`Next at ${next}, then at ${later} (${schedule.pattern}).`)];
  },
};

const mirrorCheck: CheckDefinition = {
  id: 'last-snapshot',
  title: 'Last snapshot of',
  examines:
    'how the last run of each pool ended, and the age of its newest snapshot against its schedule',
  isQuick: true,
  remedy: 'Check that the database answers.',
  subjects: async ({ mirror, poolIds }) => ((await mirror()) === null ? [] : poolIds()),
  examine: async ({ mirror }, _, poolId) => {
    const session = await mirror();
    if (session === null) return [];
    const [row] = await readPoolRows(session, [poolId]);
    if (row === undefined) return [ok('Never mirrored into this database.')];
    const { newest, lastAttempt, vanished } = row;
    const results: CheckResult[] = [];
    if (vanished) {
      results.push(
        warning(
          'COGNITO_POOLS=all no longer lists the pool.',
          `If it was deleted on purpose, run \`${formatCommand(['retire', poolId])}\`.`,
        ),
      );
    }
    if (lastAttempt?.outcome === 'held') {
      results.push(
        warning(
          'Its last snapshot is held for review.',
          `See what it would change with \`${formatCommand(['diff', poolId, 'latest', 'held'])}\`, then \`release\` or \`discard\` it.`,
        ),
      );
    } else if (lastAttempt?.outcome === 'failed') {
      results.push(
        failed(
          `Its last run failed: ${lastAttempt.reason ?? 'the log has the reason.'}`,
          `Mend that, then run \`${formatCommand(['sync', poolId])}\` or \`${formatCommand(['trigger', poolId])}\`.`,
        ),
      );
    }
    const schedule = (await listSchedules(session)).find((each) => each.poolId === poolId);
    if (newest === null) {
      if (results.length === 0) results.push(ok('None is published yet.'));
      return results;
    }
    const age = `The newest, ${newest.snapshot}, is ${formatSpan(newest.ageSeconds)} old`;
    if (schedule !== undefined && newest.ageSeconds > findMaxAge(schedule, new Date())) {
      results.push(
        warning(
          `${age}, and a run was due more than two hours ago (${schedule.pattern}).`,
          `Look at the workers with \`${formatCommand(['status', poolId])}\`.`,
        ),
      );
      return results;
    }
    if (newest.state === 'published' && lastAttempt?.outcome !== 'failed') {
      results.push(
        warning(
          `${age}, and has no archive yet.`,
          `Run \`${formatCommand(['sync', poolId])}\` if no run is writing it.`,
        ),
      );
      return results;
    }
    return [...results, ok(`${age}.`)];
  },
};

export const scheduleChecks: readonly CheckDefinition[] = [scheduleCheck, mirrorCheck];
