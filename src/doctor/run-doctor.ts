import { setTimeout as sleep } from 'node:timers/promises';
import { NoAnswerError } from '../common/bounded.ts';
import { mapParallel } from '../common/parallel.ts';
import {
  type Check,
  type CheckDefinition,
  type CheckResult,
  type Examination,
  rankState,
} from './check.ts';
import { CHECKS } from './checks.ts';
import type { DoctorContext } from './context.ts';
import { explainFailure } from './explain.ts';
import { hideSecrets } from './hide-secrets.ts';
import { openSurroundings } from './surroundings.ts';

/** How an examination runs. */
export interface DoctorOptions {
  /** Stops it: checks remove what they created, and the examination rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Called with each check in the order of the result, as soon as it and those before it ended. */
  readonly onCheck?: (check: Check) => void;
  /** Makes only checks that are quick and cost no quota. All of them end within five seconds. */
  readonly onlyQuick?: boolean;
}

/** How long a check may take, or all quick ones together. */
const LIMIT_MS = 15_000;
const QUICK_LIMIT_MS = 4_000;
/** How long a stopped check may take to remove what it created. Quick ones create nothing. */
const CLEAN_UP_MS = 1_500;
const QUICK_CLEAN_UP_MS = 500;
/** Checks of one kind that run at the same time. */
const PARALLEL = 8;

/**
 * Makes every check of the list, at the same time. None stops another, and each ends within a limit.
 * A check is left out if there is nothing to check, or if it needs what an earlier one found broken.
 */
export async function runDoctor(
  context: DoctorContext,
  { signal, onCheck, onlyQuick = false }: DoctorOptions = {},
): Promise<Examination> {
  const surroundings = openSurroundings(context, { onlyQuick });
  const stop = new AbortController();
  const forward = () => {
    stop.abort(signal?.reason);
    surroundings.stop();
  };
  if (signal?.aborted) forward();
  signal?.addEventListener('abort', forward, { once: true });
  const hide = hideSecrets(context);
  const cleaning: Promise<unknown>[] = [];
  const begun = performance.now();
  const limit = (): Limit =>
    onlyQuick
      ? { total: QUICK_LIMIT_MS, left: QUICK_LIMIT_MS - (performance.now() - begun) }
      : { total: LIMIT_MS, left: LIMIT_MS };

  const toCheck = (
    { id, title }: CheckDefinition,
    subject: string,
    results: readonly CheckResult[],
  ): Check | null => {
    if (results.length === 0) return null;
    const { state, detail, remedy } = join(results);
    return {
      id: subject === '' ? id : `${id}/${hide(subject)}`,
      title: subject === '' ? title.replace(/ (of|for)$/, '') : `${title} ${hide(subject)}`,
      state,
      detail: hide(detail),
      remedy: remedy === null ? null : hide(remedy),
    };
  };
  const make = async (definition: CheckDefinition, subject: string): Promise<Check | null> => {
    const examine = (late: AbortSignal) => definition.examine(surroundings, late, subject);
    const results = await limited(examine, limit(), stop.signal, cleaning).catch((error: unknown) =>
      explainFailure(error, definition.remedy),
    );
    return toCheck(definition, subject, results);
  };
  const makeAll = async (definition: CheckDefinition): Promise<readonly Check[]> => {
    const find = async () => definition.subjects?.(surroundings) ?? [''];
    let made: readonly (Check | null)[];
    try {
      const subjects = await limited(find, limit(), stop.signal, cleaning);
      made = await mapParallel(subjects, PARALLEL, (subject) => make(definition, subject));
    } catch (error) {
      made = [toCheck(definition, '', explainFailure(error, definition.remedy))];
    }
    return made.filter((check) => check !== null);
  };

  const definitions = CHECKS.filter(({ isQuick }) => isQuick || !onlyQuick);
  const making = definitions.map(makeAll);
  // Each is awaited in turn below.
  for (const each of making) each.catch(() => {});
  const checks: Check[] = [];
  try {
    for (const each of making) {
      const made = await each;
      signal?.throwIfAborted();
      checks.push(...made);
      for (const check of made) onCheck?.(check);
    }
    return { checks };
  } finally {
    signal?.removeEventListener('abort', forward);
    stop.abort();
    surroundings.stop();
    const closing = Promise.allSettled(cleaning).then(() => surroundings.close());
    await Promise.race([
      closing,
      sleep(onlyQuick ? QUICK_CLEAN_UP_MS : CLEAN_UP_MS, undefined, { ref: false }),
    ]);
  }
}

/** How much time there is, and how much of it is left, in milliseconds. */
interface Limit {
  readonly total: number;
  readonly left: number;
}

/**
 * Runs a check, or what finds its subjects, within the limit.
 *
 * @throws what it throws, or NoAnswerError
 */
async function limited<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { total, left }: Limit,
  stop: AbortSignal,
  cleaning: Promise<unknown>[],
): Promise<T> {
  const late = new AbortController();
  const signal = AbortSignal.any([stop, late.signal]);
  const done = new AbortController();
  const run = async () => work(signal);
  const running = run();
  cleaning.push(running);
  const ended = AbortSignal.any([stop, done.signal]);
  const limit = sleep(Math.max(left, 0), undefined, { signal: ended }).then(() => {
    const error = new NoAnswerError(total);
    late.abort(error);
    throw error;
  });
  try {
    return await Promise.race([running, limit]);
  } catch (error) {
    throw late.signal.aborted ? late.signal.reason : error;
  } finally {
    done.abort();
    limit.catch(() => {});
  }
}

/** One result of several: the worst state, with a line for each of them, the worst first. */
function join(results: readonly CheckResult[]): CheckResult {
  const sorted = [...results].sort((a, b) => rankState(b.state) - rankState(a.state));
  const remedies = sorted.flatMap(({ remedy }) => remedy ?? []);
  return {
    state: sorted[0]?.state ?? 'failed',
    detail: sorted.map(({ detail }) => detail).join('\n'),
    remedy: remedies.length === 0 ? null : [...new Set(remedies)].join('\n'),
  };
}
