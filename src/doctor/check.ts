import type { ExaminedDatabase } from '../postgres/open-examined.ts';
import type { RedisConnection } from '../redis/connection.ts';
import type { Surroundings } from './surroundings.ts';

/** How a check ended. `warning`: it works now, and a person should look at it. */
export type CheckState = 'ok' | 'warning' | 'failed';

/** What a check found. It holds no secret and no data of a user. */
export interface CheckResult {
  readonly state: CheckState;
  /** What was found. Several findings have a line each. */
  readonly detail: string;
  /** The command or setting that mends it; a line for each of several. Null if nothing is wrong. */
  readonly remedy: string | null;
}

/** One check of an examination. */
export interface Check extends CheckResult {
  /** Stays the same when the wording changes: `redis-memory`, or `permissions/POOL` for one of several. */
  readonly id: string;
  readonly title: string;
}

/** What the checks of `doctor` found, in a fixed order. */
export interface Examination {
  readonly checks: readonly Check[];
}

/** A check as the list has it. */
export interface CheckDefinition {
  readonly id: string;
  readonly title: string;
  /** What it looks at, for docs/DOCTOR.md. */
  readonly examines: string;
  /** True if it is quick and costs no quota: `/readyz?full` of a worker has it. */
  readonly isQuick: boolean;
  /** What to do if it gets no answer, or fails in a way that nothing explains. */
  readonly remedy: string;
  /** What it is made for, such as pools; one check for each. Absent: it is made once. */
  readonly subjects?: (surroundings: Surroundings) => Promise<readonly string[]>;
  /**
   * Makes the check. Throws ActionRequiredError or another error of the program for what is wrong.
   *
   * @param subject one of its subjects; empty if it has none
   * @returns its results, of which the worst counts; none if there is nothing to check
   */
  readonly examine: Examine;
}

type Examine = (
  surroundings: Surroundings,
  signal: AbortSignal,
  subject: string,
) => Promise<readonly CheckResult[]>;

/** A check of the database: there is nothing to check without one that can be used. */
export function examinePostgres(
  examine: (session: ExaminedDatabase, surroundings: Surroundings) => Promise<CheckResult[]>,
): Examine {
  return async (surroundings) => {
    const session = await surroundings.postgres();
    return session === null ? [] : examine(session, surroundings);
  };
}

/** A check of Redis: there is nothing to check without one that can be used. */
export function examineRedis(examine: (redis: RedisConnection) => Promise<CheckResult[]>): Examine {
  return async ({ redis }) => {
    const connection = await redis();
    return connection === null ? [] : examine(connection);
  };
}

/** The problems, or what is right if there are none. */
export function okWithout(problems: readonly CheckResult[], detail: string): CheckResult[] {
  return problems.length > 0 ? [...problems] : [ok(detail)];
}

const STATES: readonly CheckState[] = ['ok', 'warning', 'failed'];

/** A number that is higher the worse a state is. */
export function rankState(state: CheckState): number {
  return STATES.indexOf(state);
}

export function ok(detail: string): CheckResult {
  return { state: 'ok', detail, remedy: null };
}

export function warning(detail: string, remedy: string): CheckResult {
  return { state: 'warning', detail, remedy };
}

export function failed(detail: string, remedy: string): CheckResult {
  return { state: 'failed', detail, remedy };
}
