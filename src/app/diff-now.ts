import { requireCognitoEndpoint } from '../cognito/sdk.ts';
import {
  checkQuestion,
  type Diff,
  type DiffQuestion,
  diff,
  type UseChanges,
} from '../history/diff.ts';
import { describeLocation } from '../postgres/database.ts';
import { type Asking, ask } from '../postgres/history/ask.ts';
import { postgresSource } from '../postgres/history/source.ts';
import { dropEndedStages, keepStage } from '../postgres/store/stage.ts';
import { readLivePool } from '../runner/inline/read-live-pool.ts';
import type { SnapshotProgress } from '../telemetry/snapshot-progress.ts';
import { allOrProblems } from './open-archives.ts';
import type { Quota } from './open-quota.ts';
import type { Resources } from './resources.ts';

/**
 * Compares a published state with the live pool, which it reads and does not publish. Other runs of the
 * pool wait while it is read, but not while `use` shows the result.
 *
 * @throws as `diff` and `readLivePool` do
 */
export async function diffNow(
  resources: Resources,
  poolId: string,
  question: DiffQuestion,
  use: UseChanges,
  progress: SnapshotProgress,
  signal: AbortSignal,
): Promise<Diff> {
  const { config, access, archives } = resources;
  // Nothing is created: without a mirror, there is nothing to compare the pool with.
  const database = await resources.requireDatabase(signal);
  const [quota] = await allOrProblems<[Quota, unknown]>(
    resources.quota(signal),
    requireCognitoEndpoint(access),
  );
  const inDatabase = <T>(work: (asking: Asking) => Promise<T>) =>
    ask({ url: database.databaseUrl, place: describeLocation(config) }, poolId, work, signal);
  const deps = resources.syncDeps({ database, quota, archives, signer: null, tracing: null });
  // A mistake must not cost a reading.
  const check = () => inDatabase((asking) => checkQuestion(postgresSource(asking), question));
  const live = await readLivePool(deps, poolId, progress, check, signal);
  try {
    return await inDatabase(async (asking) => {
      await keepStage(asking.db, live.lease);
      await live.end();
      return diff(postgresSource(asking, live), question, use);
    });
  } finally {
    await live.end();
    await dropEndedStages(database.db);
  }
}
