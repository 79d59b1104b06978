import type { Destination } from '../archive/destination.ts';
import { askArchive } from '../archive/history/source.ts';
import { ActionRequiredError } from '../model/errors.ts';
import type { PoolSource } from '../model/report-source.ts';
import { listArchive } from '../verify/list-archive.ts';
import { readSealedSnapshots } from '../verify/sealed-snapshots.ts';
import { Calls } from './calls.ts';
import { type Ask, answerQuestions, type HistoryQuestions } from './history-questions.ts';
import { noArchiveError, openCopy } from './open-copy.ts';
import type { MirrorOptions } from './options.ts';
import { findPoolIds } from './pool-names.ts';
import { withTemporaryFolder } from './temporary-folder.ts';
import { toAccess } from './to-config.ts';

/** @throws what `openArchive` throws */
export async function askCopy(
  archiveUrl: string,
  options: MirrorOptions,
): Promise<HistoryQuestions> {
  const destination = await openCopy(archiveUrl, toAccess(options));
  const calls = new Calls();
  const question: Ask = (pool, signal, answer) =>
    calls.run(signal, async (stop) => {
      const lookup = { subject: 'POOL', archived: true };
      const [poolId = ''] = (await findPoolIds([pool], lookup, options, stop)).poolIds;
      return askDestination(destination, poolId, (source) => answer(source, stop), stop);
    });
  return answerQuestions(question, { options, url: archiveUrl });
}

/**
 * Answers one question about a pool from an archive.
 *
 * @throws what `openArchive` throws, and ActionRequiredError if the archive has no snapshot of the pool
 */
export async function askDestination<T>(
  destination: Destination,
  poolId: string,
  answer: (source: PoolSource) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const sealed = await readSealedSnapshots(destination, poolId, signal);
  if (sealed.length === 0) throw await explainMissing(destination, poolId, signal);
  return withTemporaryFolder('archive', (folder) =>
    askArchive({ destination, poolId, sealed, folder }, answer, signal),
  );
}

/** Why an archive has no snapshot of a pool. */
async function explainMissing(
  destination: Destination,
  poolId: string,
  signal: AbortSignal,
): Promise<ActionRequiredError> {
  const { pools } = await listArchive(destination, signal);
  const others = pools.filter((each) => each !== poolId);
  if (others.length === 0) return noArchiveError(destination.url);
  return ActionRequiredError.of(
    poolId,
    'the archive has no snapshot of this pool.',
    `The pools that it has are ${others.join(', ')}.`,
  );
}
