import { formatRelative, formatSpan, formatTimestamp } from '../../common/format.ts';
import { printable } from '../../common/printable.ts';
import { counted } from '../../common/text.ts';
import type {
  ArchiveHead,
  AttemptStatus,
  DeliveryRow,
  PoolAge,
  PoolStatus,
  Status,
  VerificationRow,
  WaitingErasures,
} from '../../index.ts';
import { commandHint } from '../command-line.ts';
import { wrap } from './text-width.ts';

/** Describes the newest snapshot of a pool and its last attempt, in lines of at most `width` columns. */
export function formatPool(status: Status, poolId: string, width: number): string[] {
  const pool = status.pools.find((each) => each.poolId === poolId);
  if (pool === undefined) return [];
  const lines = [describeNewest(pool)];
  if (pool.vanished) lines.push('vanished: COGNITO_POOLS=all no longer lists it');
  if (pool.retired) lines.push('retired: no snapshot of it is expected any more');
  if (pool.lastAttempt !== null) lines.push(describeAttempt(pool.lastAttempt, status.at));
  if (pool.undelivered !== null) lines.push(...describeUndelivered(pool.undelivered, status.at));
  if (pool.waitingErasures !== null) lines.push(describeWaiting(pool.waitingErasures, status.at));
  return [
    ...lines.flatMap((line) => wrap('  ', printable(line), width)),
    ...(pool.head === null ? [] : formatHead(pool.head)),
    ...(pool.verification === null
      ? []
      : formatVerified(poolId, pool.verification, status.at, width)),
  ];
}

/** What workers verified of the archive; with findings, also the command that names them. */
function formatVerified(
  poolId: string,
  verification: VerificationRow,
  at: Date,
  width: number,
): string[] {
  const { coveredSince, subset, subsets, endedAt, findings, dueAt, problem } = verification;
  const count = Object.values(findings).reduce((sum, each) => sum + each, 0);
  const lines: string[] = [];
  if (endedAt !== null) {
    const since =
      coveredSince === null ? '' : `all objects since ${formatTimestamp(coveredSince)}, `;
    const found = count === 0 ? 'no findings' : `${counted(count, 'finding')}. To name them:`;
    const last = `subset ${subset} of ${subsets} ${formatRelative(endedAt, at)}`;
    lines.push(`archive verified: ${since}${last}; ${found}`);
  }
  const wrapped = (text: string) => wrap('  ', printable(text), width);
  const problems =
    problem === null
      ? []
      : [`verifying the archive failed, and is repeated ${formatRelative(dueAt, at)}: ${problem}`];
  return [
    ...lines.flatMap(wrapped),
    // Not wrapped, so that it can be pasted.
    ...(count === 0 ? [] : [`    ${commandHint(['verify', poolId])}`]),
    ...problems.flatMap(wrapped),
  ];
}

function describeUndelivered(undelivered: DeliveryRow, at: Date): string[] {
  const { retrying, since, problem, givenUp } = undelivered;
  const waiting =
    since === null
      ? []
      : [
          `webhooks: ${retrying} not delivered, the first from ${formatRelative(since, at)}: ${problem}`,
        ];
  const lost = givenUp === 0 ? [] : [`webhooks: ${givenUp} given up in the last 30 days`];
  return [...waiting, ...lost];
}

/** What is left of forgotten persons, until when, and who deletes it. */
function describeWaiting(waiting: WaitingErasures, at: Date): string {
  const { erasures, objects, held, firstUntil, lastUntil } = waiting;
  const what = `forgotten persons: ${counted(erasures, 'erasure')} with ${counted(objects, 'object')} left under Object Lock`;
  const details: string[] = [];
  if (firstUntil !== null && lastUntil !== null) {
    const last = `${formatTimestamp(lastUntil)}, ${formatRelative(lastUntil, at)}`;
    const isOne = firstUntil.getTime() === lastUntil.getTime();
    details.push(isOne ? `until ${last}` : `from ${formatTimestamp(firstUntil)} until ${last}`);
  }
  if (held > 0) details.push(`${held} under a legal hold`);
  if (firstUntil !== null && firstUntil <= at) {
    details.push('the next snapshot deletes those whose lock has ended');
  }
  return `${what}${details.length === 0 ? '' : `: ${details.join('; ')}`}`;
}

/** Not wrapped, so that a witness can copy it. */
export function formatHead({ snapshots, snapshot, sha256 }: ArchiveHead): string[] {
  return [
    `  head of the archive: ${snapshot}, the newest of ${counted(snapshots, 'snapshot')}; SHA-256`,
    `    ${sha256}`,
  ];
}

function describeNewest({ newest }: PoolStatus): string {
  if (newest === null) return 'never published';
  const archive = newest.state === 'archived' ? '' : ', not archived';
  return `newest published: ${newest.snapshot}, ${formatSpan(newest.ageSeconds)} ago${archive}`;
}

/** The reason is shown only for an attempt without a snapshot: a snapshot has its own line. */
function describeAttempt({ outcome, endedAt, snapshot, reason }: AttemptStatus, at: Date): string {
  const when = `last attempt: ${outcome} ${formatRelative(endedAt, at)}`;
  if (snapshot !== null || outcome === 'archived') return when;
  return `${when}, no snapshot was started${reason === null ? '' : `: ${reason}`}`;
}

/**
 * The ages of mirrors in one line for monitoring systems. Shows only the pools that fail, if any do.
 *
 * @param at the time of the check, by the clock of Postgres.
 * @param place the place that has no mirror at all.
 */
export function formatAges(
  ages: readonly PoolAge[],
  maxAgeSeconds: number,
  { at, place }: { readonly at: Date; readonly place?: string },
): string {
  const nowhere = place === undefined ? '' : `; nothing is mirrored in ${place}`;
  const limit = formatSpan(maxAgeSeconds);
  const failing = ages.filter(({ ok }) => !ok);
  if (ages.length === 0) return `STALE - no pool was mirrored yet${printable(nowhere)}\n`;
  if (failing.length === 0) {
    const words = ages.map(
      ({ poolId, ageSeconds }) => `${poolId} ${formatSpan(ageSeconds ?? 0)} old`,
    );
    return `OK - ${printable(words.join('; '))}; limit ${limit}\n`;
  }
  const words = failing.map(({ poolId, ageSeconds, vanished, lastAttempt }) => {
    const old =
      ageSeconds === null
        ? `${poolId} was never mirrored`
        : `${poolId} is ${formatSpan(ageSeconds)} old, limit ${limit}`;
    const age = vanished ? `${old}, and COGNITO_POOLS=all no longer lists it` : old;
    return lastAttempt === null ? age : `${age}, ${describeAttempt(lastAttempt, at)}`;
  });
  return `STALE - ${printable(words.join('; ') + nowhere)}\n`;
}
