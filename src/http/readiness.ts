import { bounded, NoAnswerError } from '../common/bounded.ts';
import { MirrorError } from '../model/errors.ts';

/** Checks by the name of what a worker needs. A check throws if that is not available. */
export type ReadinessChecks = Readonly<Record<string, () => Promise<void>>>;

/** The result of one check. */
interface CheckResult {
  readonly ok: boolean;
  /** Absent if the check passed. */
  readonly problem?: string;
}

export interface Readiness {
  readonly status: 'ready' | 'unready';
  readonly checks: Readonly<Record<string, CheckResult>>;
}

const CHECK_TIMEOUT_MS = 2_000;

/** Returns a function that runs all checks in parallel, within two seconds, and never throws. */
export function createReadiness(checks: ReadinessChecks): () => Promise<Readiness> {
  const runs = Object.entries(checks).map(
    ([name, check]) => [name, bounded(check, CHECK_TIMEOUT_MS)] as const,
  );
  return async () => {
    const results = await Promise.all(
      runs.map(async ([name, run]) => [name, await runCheck(run)] as const),
    );
    return {
      status: results.every(([, { ok }]) => ok) ? 'ready' : 'unready',
      checks: Object.fromEntries(results),
    };
  };
}

async function runCheck(run: () => Promise<void>): Promise<CheckResult> {
  try {
    await run();
    return { ok: true };
  } catch (error) {
    return { ok: false, problem: describeProblem(error) };
  }
}

/** The path is public. Messages of servers and drivers may contain secrets, so they are omitted. */
function describeProblem(error: unknown): string {
  if (error instanceof MirrorError || error instanceof NoAnswerError) return error.message;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? `failed (${code})` : 'failed';
}
