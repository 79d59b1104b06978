import { rm } from 'node:fs/promises';
import type { Job } from 'bullmq';
import type { Destination } from '../../archive/destination.ts';
import { makeWorkFolder } from '../../common/folders.ts';
import { readClock, transaction } from '../../postgres/connection.ts';
import { computeDueTimes } from '../../postgres/coordination/due-times.ts';
import {
  findVerificationTurn,
  recordUnverified,
  recordVerified,
  type VerificationTurn,
} from '../../postgres/coordination/verifications.ts';
import { findLastArchived } from '../../postgres/store/archived.ts';
import { ParquetChecks } from '../../verify/check-content.ts';
import type { Finding } from '../../verify/findings.ts';
import { verifyPool } from '../../verify/verify-pool.ts';
import { type JobDeps, requirePoolDeps, type VerificationSettings } from './deps.ts';
import { isJobLost, safeMessage, waitAfter } from './failures.ts';
import type { VerificationData } from './queues.ts';

/** Archives are verified once a day, from midnight of the pool's time zone on. */
const DAILY = '0 0 * * *';
/** After a failure, such as of the network. */
const RETRY_MINUTES = 60;
/** Findings that are logged one by one; `verify` shows all. */
const MAX_LOGGED = 20;
/** Objects with findings that are read every day; the rest are found again in their subset. */
const MAX_FOUND = 1_000;

/**
 * Verifies the next subset of a pool's archive, and records what it found. The turn moves on only
 * when a subset was completed, so a worker that dies leaves it to the next.
 */
export async function runVerificationJob(
  deps: JobDeps,
  settings: VerificationSettings,
  job: Job<VerificationData>,
  signal: AbortSignal,
): Promise<void> {
  const { poolId } = job.data;
  const { destination } = await requirePoolDeps(deps, poolId);
  try {
    await verifyNext(deps, settings, poolId, destination, signal);
  } catch (error) {
    if (signal.aborted || isJobLost(error) || waitAfter(error) !== null) throw error;
    await recordFailure(deps, poolId, destination, error);
    throw error;
  }
}

/** Records the failure of a job that ended its workers again and again. */
export async function recordAbandonedVerification(
  deps: JobDeps,
  { data: { poolId } }: Job<VerificationData>,
  error: Error,
): Promise<void> {
  if (!error.message.startsWith('job stalled')) return;
  const { destination } = await requirePoolDeps(deps, poolId);
  await recordFailure(deps, poolId, destination, error);
}

async function recordFailure(
  { db }: JobDeps,
  poolId: string,
  { url }: Destination,
  error: unknown,
): Promise<void> {
  await recordUnverified(db, { poolId, destination: url }, safeMessage(error), RETRY_MINUTES);
}

async function verifyNext(
  deps: JobDeps,
  settings: VerificationSettings,
  poolId: string,
  destination: Destination,
  signal: AbortSignal,
): Promise<void> {
  const { db, log } = deps;
  const place = { poolId, destination: destination.url };
  const turn = await findVerificationTurn(db, place);
  // What this database has archived must still be there.
  const known = await findLastArchived(db, poolId, destination.url);
  if (!turn?.isDue || known === null) return;
  const { subsets } = settings;
  const part = nextSubset(turn, subsets);
  const beganAt = await readClock(db);
  const content = { part, of: subsets, also: new Set(turn.foundKeys) };
  const findings = await verify(deps, settings, poolId, destination, content, known.sha256, signal);
  const counts = countByCode(findings);
  const endedAt = await readClock(db);
  const schedule = { poolId, pattern: DAILY, timezone: turn.timezone };
  const verified = {
    ...cover(turn, part, subsets, beganAt),
    endedAt,
    dueAt: computeDueTimes(schedule, beganAt).startsAt,
    findings: counts,
    foundKeys: [...new Set(findings.map(({ key }) => key))].slice(0, MAX_FOUND),
  };
  await transaction(db, (client) => recordVerified(client, place, turn, verified), signal);
  const seconds = Math.round((endedAt.getTime() - beganAt.getTime()) / 1000);
  const line = { poolId, subset: `${part}/${subsets}`, seconds, findings: counts };
  if (findings.length === 0) return log.info(line, 'verified the archive');
  for (const { code, key, snapshot } of findings.slice(0, MAX_LOGGED)) {
    log.error({ poolId, code, key, snapshot }, 'something is wrong with the archive');
  }
  log.error(line, 'verified the archive, and something is wrong with it');
}

/** The subset after the last; the first if their number changed. */
function nextSubset({ subset, beganAt }: VerificationTurn, subsets: number): number {
  return subset === null || beganAt.length !== subsets ? 1 : (subset % subsets) + 1;
}

/** What is covered once a subset was verified. */
function cover(turn: VerificationTurn, subset: number, subsets: number, at: Date) {
  const isSame = turn.beganAt.length === subsets;
  const beganAt = Array.from({ length: subsets }, (_, index) =>
    index + 1 === subset ? at : isSame ? (turn.beganAt[index] ?? null) : null,
  );
  const times = beganAt.flatMap((each) => each?.getTime() ?? []);
  const coveredSince = times.length === subsets ? new Date(Math.min(...times)) : turn.coveredSince;
  return { subset, beganAt, coveredSince };
}

/** One object at a time, so that snapshots keep the processor and the network. */
async function verify(
  { workFolder }: JobDeps,
  { signers, needsSignatures }: VerificationSettings,
  poolId: string,
  destination: Destination,
  content: Parameters<typeof verifyPool>[2]['content'],
  head: string,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const folder = await makeWorkFolder(workFolder);
  let parquet: ParquetChecks | null = null;
  try {
    parquet = await ParquetChecks.open(folder);
    const { findings } = await verifyPool(destination, poolId, {
      from: null,
      to: null,
      content,
      signers,
      needsSignatures,
      head,
      parquet,
      parallel: 1,
      signal,
    });
    return findings;
  } finally {
    parquet?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function countByCode(findings: readonly Finding[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of findings) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}
