import { bounded, NoAnswerError } from '../common/bounded.ts';
import { MirrorError } from '../model/errors.ts';

/** What a worker needs to do its work, by name; each throws where it is not to be had. */
export type ReadinessChecks = Readonly<Record<string, () => Promise<void>>>;

/** What became of one check. */
export interface CheckResult {
  readonly ok: boolean;
  /** What is wrong; absent where nothing is. */
  readonly problem?: string;
}

/** Whether the process can do its work, check by check. */
export interface Readiness {
  readonly status: 'ready' | 'unready';
  readonly checks: Readonly<Record<string, CheckResult>>;
}

/** How long a check may take. */
const PATIENCE_MS = 2_000;

/** Makes all checks side by side: a function that answers within two seconds, and never throws. */
export function createReadiness(checks: ReadinessChecks): () => Promise<Readiness> {
  const runs = Object.entries(checks).map(
    ([name, check]) => [name, bounded(check, PATIENCE_MS)] as const,
  );
  return async () => {
    const results = await Promise.all(
      runs.map(async ([name, run]) => [name, await resultOf(run)] as const),
    );
    return {
      status: results.every(([, { ok }]) => ok) ? 'ready' : 'unready',
      checks: Object.fromEntries(results),
    };
  };
}

async function resultOf(run: () => Promise<void>): Promise<CheckResult> {
  try {
    await run();
    return { ok: true };
  } catch (error) {
    return { ok: false, problem: problemOf(error) };
  }
}

/** Anyone may ask, so only our own words pass: those of servers and drivers may quote anything. */
function problemOf(error: unknown): string {
  if (error instanceof MirrorError || error instanceof NoAnswerError) return error.message;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? `failed (${code})` : 'failed';
}
