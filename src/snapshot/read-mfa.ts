import { MalformedAnswerError, ParameterRefusedError } from '../cognito/errors.ts';
import { mapParallel } from '../common/parallel.ts';
import { MirrorError } from '../model/errors.ts';
import { withLease } from '../postgres/store/leases.ts';
import {
  type AskedUser,
  type ChosenUser,
  chooseForMfa,
  countKnownMfa,
  nextForMfa,
  stageMfa,
} from '../postgres/store/mfa.ts';
import { READING_STATES } from '../postgres/store/states.ts';
import { USER_READ_RPS } from '../quota/quotas.ts';
import type { SnapshotContext } from './context.ts';

/** Users whose answers are committed together: what a killed run may ask for again. */
const BATCH = 200;

/** Users asked for at a time; the bucket limits their rate. */
const CONCURRENCY = 8;

/** What the calls of a budget may take in all, besides their time at the rate of the bucket. */
const GRACE_MS = 30_000;

/**
 * Reads the MFA states of some users with AdminGetUser, and stages them for publication. It is the last step
 * before a checked snapshot is published, and never the reason why one is not: if the service fails or
 * refuses, or the time of the budget is over, the rest keeps what is known. Another run continues it.
 *
 * @param budget the most calls for this snapshot; retries are part of a call.
 * @throws LeaseLostError if another runner has the snapshot, or an error of Postgres.
 */
export async function readMfa(
  context: SnapshotContext,
  budget: number,
  signal: AbortSignal,
): Promise<void> {
  const { db, lease, progress, log } = context;
  const { poolId } = lease;
  const choose = (client: Parameters<typeof chooseForMfa>[0]) =>
    chooseForMfa(client, lease, budget);
  const total = await withLease(db, lease, READING_STATES, choose, signal);
  const counts = { done: 0, total };
  progress.phase = 'mfa';
  progress.counts = counts;
  const limit = AbortSignal.timeout(Math.ceil((total / USER_READ_RPS) * 1000) + GRACE_MS);
  let read = 0;
  let problem: string | null = null;
  while (problem === null) {
    const users = await nextForMfa(db, lease, BATCH);
    if (users.length === 0) break;
    const asking = { onAnswer: () => (counts.done += 1), limit };
    const answers = await askForMfa(context, users, asking, signal);
    const { asked } = answers;
    // Also when the run is stopped: what was read need not be asked for again.
    await withLease(db, lease, READING_STATES, (client) => stageMfa(client, lease, asked));
    signal.throwIfAborted();
    read += asked.filter(({ mfa }) => mfa !== null).length;
    problem = answers.problem;
  }
  progress.counts = null;
  await withLease(db, lease, READING_STATES, (client) => countKnownMfa(client, lease));
  const result = { poolId, read, asked: counts.done, left: total - counts.done };
  if (problem === null) log.info(result, 'read the MFA states of users');
  else {
    log.warn(
      { ...result, reason: problem },
      'could not read the MFA states of all chosen users: the snapshot is published without the rest',
    );
  }
}

/** The answers about some users, until something stopped it. */
interface Answers {
  readonly asked: readonly AskedUser[];
  /** Why the rest was not asked for; null if all were. */
  readonly problem: string | null;
}

/** A user that is gone, whose name another person has, or that the service cannot show, has no state. */
async function askForMfa(
  { cognito, lease }: SnapshotContext,
  users: readonly ChosenUser[],
  { onAnswer, limit }: { readonly onAnswer: () => void; readonly limit: AbortSignal },
  signal: AbortSignal,
): Promise<Answers> {
  const asked: AskedUser[] = [];
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, limit, failed.signal]);
  let problem: string | null = null;
  await mapParallel(users, CONCURRENCY, async ({ username, sub }) => {
    if (stop.aborted) return;
    try {
      const mfa = await cognito.getMfa(lease.poolId, username, stop).catch((error: unknown) => {
        const isOfUser =
          error instanceof ParameterRefusedError || error instanceof MalformedAnswerError;
        if (isOfUser) return null;
        throw error;
      });
      asked.push({ username, mfa: mfa?.sub === sub ? mfa : null });
      onAnswer();
    } catch (error) {
      if (stop.aborted) return;
      // A defect of the program.
      if (!(error instanceof MirrorError)) throw error;
      problem = error.message;
      failed.abort(error);
    }
  });
  if (limit.aborted) problem ??= 'The calls took longer than their time.';
  return { asked, problem };
}
