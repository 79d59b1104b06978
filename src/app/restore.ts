import { ActionRequiredError } from '../model/errors.ts';
import { RESTORE_ENTITIES, type RestoreEntity, type RestoreFailure } from '../model/restore.ts';
import type { Comparison } from '../restore/compare.ts';
import { execute } from '../restore/execute.ts';
import { Journal, readRestoredSubs, readUnfinished } from '../restore/journal.ts';
import type { RestoreNames, RestorePlan } from '../restore/plan.ts';
import { type ChosenSnapshot, chooseSnapshot, compareWithTarget } from '../restore/prepare.ts';
import { type EntityCounts, RestoreProgress } from '../restore/progress.ts';
import { adviseRecovery } from '../restore/recovery-advice.ts';
import { type ResultFiles, writeResults } from '../restore/results.ts';
import type { RestoreChoice } from '../restore/selection.ts';
import type { CallOptions } from './calls.ts';
import { withWorkFolder } from './open-archives.ts';
import type { Quota } from './open-quota.ts';
import { checkRequest, type RestoreRequest } from './restore-request.ts';
import { type NamedSnapshot, withNamedSnapshot } from './restore-source.ts';
import {
  type OpenTarget,
  openQuota,
  openTarget,
  type RestoreDeps,
  SHARE,
  whileLocked,
} from './restore-target.ts';

/** How a restore runs. */
export interface RestoreOptions extends CallOptions {
  /** Called once, before the target is read. The object is always current. */
  readonly onProgress?: (progress: RestoreProgress) => void;
  /** Receives the plan. Nothing is written before it resolves. */
  readonly onPlan?: (plan: RestorePlan, names: RestoreNames) => Promise<void>;
}

/** What a restore did. */
export interface RestoreResult {
  /** `failed` if some entities could not be written. */
  readonly outcome: 'done' | 'failed';
  readonly counts: Readonly<Record<RestoreEntity, EntityCounts>>;
  /** The most frequent first. The report lists them by name. */
  readonly failures: readonly { readonly reason: RestoreFailure; readonly count: number }[];
  readonly files: ResultFiles;
}

/** A restore that ended. */
export interface RestoreRun {
  readonly plan: RestorePlan;
  /** Null: nothing was written. */
  readonly result: RestoreResult | null;
}

/** Triggers whose functions run when an administrator creates a user. */
const TRIGGERS_OF_CREATION = ['PreSignUp', 'CustomMessage'];

/**
 * Compares a snapshot with a live pool, and writes what differs.
 *
 * @throws ActionRequiredError if it is refused, before anything is written
 */
export async function restorePool(
  deps: RestoreDeps,
  request: RestoreRequest,
  { onProgress, onPlan }: RestoreOptions,
  signal: AbortSignal,
): Promise<RestoreRun> {
  const choice = checkRequest(request);
  const { resources } = deps;
  const quota = await openQuota(resources, signal);
  const progress = new RestoreProgress();
  const onReading = () => onProgress?.(progress);
  const prepared = await prepare(deps, { request, choice, quota, progress, onReading }, signal);
  const { comparison, target, journal } = prepared;
  try {
    const plan = toPlan(prepared, request, quota);
    await onPlan?.(plan, {
      tasks: () => comparison.tasks(),
      losses: () => comparison.namedLosses,
    });
    if (journal === null) return { plan, result: null };
    refuseTriggers(plan, request);
    return { plan, result: await write(prepared, { plan, journal, progress }, signal) };
  } finally {
    progress.phase = 'done';
    comparison.close();
    target.cognito.close();
    await journal?.close();
  }
}

/** What was found out before anything is written. */
interface Prepared {
  readonly source: NamedSnapshot['source'];
  readonly chosen: ChosenSnapshot;
  readonly target: OpenTarget;
  readonly comparison: Comparison;
  /** Null: nothing will be written. */
  readonly journal: Journal | null;
}

/** What preparing needs. */
interface PrepareDeps {
  readonly request: RestoreRequest;
  readonly choice: RestoreChoice;
  readonly quota: Quota;
  readonly progress: RestoreProgress;
  /** Called before the target is read. */
  readonly onReading: () => void;
}

/** Finds the snapshot, takes the target for this process, reads it and compares. */
async function prepare(
  { resources, withDatabase }: RestoreDeps,
  { request, choice, quota, progress, onReading }: PrepareDeps,
  signal: AbortSignal,
): Promise<Prepared> {
  const { access, config, log } = resources;
  const { from, to, password = 'random', dryRun = false } = request;
  const named = { access, withDatabase, signal };
  return withNamedSnapshot(from, named, async ({ source, point, database }) => {
    const chosen = await chooseSnapshot(source, point, choice);
    const target = await openTarget(resources, quota, request, progress, signal);
    let journal: Journal | null = null;
    try {
      const { poolId } = source;
      const { snapshot } = chosen.at;
      const place = { home: config.home, target: to, source: { poolId, snapshot } };
      if (!dryRun) journal = await Journal.open(place);
      const unfinished = journal?.unfinished ?? (await readUnfinished(place));
      const restored = poolId === to ? await readRestoredSubs(place) : new Set<string>();
      onReading();
      // Its files lose their names when they are opened, so the folder is needed no longer than this.
      const comparison = await withWorkFolder(config, (folder) =>
        compareWithTarget({
          source,
          chosen,
          choice,
          password,
          target: target.pool,
          cognito: target.cognito,
          known: {
            isUnfinished: (username) => unfinished.has(username),
            isRestored: (sub) => restored.has(sub),
          },
          folder,
          progress,
          signal,
          whileReading: (read) => whileLocked(database, target.pool, quota, log, read, signal),
        }),
      );
      return { source, chosen, target, comparison, journal };
    } catch (error) {
      target.cognito.close();
      await journal?.close();
      throw error;
    }
  });
}

/** Writes the tasks of the plan, and then the files of the restore. */
async function write(
  { comparison, target }: Prepared,
  { plan, journal, progress }: { plan: RestorePlan; journal: Journal; progress: RestoreProgress },
  signal: AbortSignal,
): Promise<RestoreResult> {
  for (const entity of RESTORE_ENTITIES) {
    const { create, update } = plan.counts[entity];
    progress.total.set(entity, create + update);
  }
  progress.phase = 'write';
  const cognito = target.openWrites();
  try {
    const writer = { cognito, target: target.pool, password: plan.password.kind, journal };
    await execute(writer, comparison.tasks(), signal, progress);
  } finally {
    cognito.close();
  }
  const { matched, namedLosses: losses } = comparison;
  const files = await writeResults(journal, { plan }, { matched, losses });
  return {
    outcome: progress.failed === 0 ? 'done' : 'failed',
    counts: Object.fromEntries(
      RESTORE_ENTITIES.map((entity) => [entity, progress.of(entity)]),
    ) as RestoreResult['counts'],
    failures: [...progress.reasons].map(([reason, count]) => ({ reason, count })),
    files,
  };
}

function toPlan(
  { source, chosen, target: { pool }, comparison }: Prepared,
  request: RestoreRequest,
  { buckets }: Quota,
): RestorePlan {
  const { poolId, name, accountId, region, tier } = pool;
  const isSamePool = source.poolId === poolId;
  const { users = [], groups = [], only = [], password = 'random', share = SHARE } = request;
  const isWhole = users.length + groups.length + only.length === 0;
  const createsUsers = comparison.counts.user.create > 0;
  const work = comparison.calls.estimate(buckets.allowedWrites(accountId, region, share), share);
  const { snapshot, snapshotAt } = chosen.at;
  const mayServe = isSamePool && isWhole && work.quotas.length > 0;
  return {
    source: { poolId: source.poolId, archive: source.archive, snapshot, snapshotAt },
    target: { poolId, name, accountId, region, tier },
    counts: comparison.counts,
    users: comparison.users,
    password: {
      kind: password,
      expiresAfterDays:
        password === 'temporary' ? pool.passwordPolicy.temporaryPasswordValidityDays : null,
    },
    losses: comparison.losses.all,
    ...work,
    triggers: createsUsers
      ? pool.triggers.filter((each) => TRIGGERS_OF_CREATION.includes(each))
      : [],
    recovery: mayServe ? adviseRecovery(chosen.at, pool, new Date()) : null,
  };
}

/** @throws ActionRequiredError if functions would run and that was not accepted */
function refuseTriggers(
  { triggers, target }: RestorePlan,
  { acceptTriggers }: RestoreRequest,
): void {
  if (triggers.length === 0 || acceptTriggers === true) return;
  throw ActionRequiredError.of(
    target.poolId,
    `its ${triggers.join(' and ')} ${triggers.length === 1 ? 'trigger' : 'triggers'} would run for each created user.`,
    'Check what the functions do, or take them away from the pool meanwhile. Then give --accept-triggers.',
  );
}
