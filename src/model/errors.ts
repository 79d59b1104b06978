/**
 * Errors are grouped by what the caller does next. Each message says what failed, for which thing
 * and why, then the fix. No message contains a user's data, a page token or a credential.
 */
export abstract class MirrorError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** One problem with the configuration, the command line or something that they name. */
export interface Problem {
  /** The variable, option or object at fault. */
  readonly subject: string;
  /** What is wrong. */
  readonly problem: string;
  /** The fix, in the imperative. */
  readonly remedy: string;
  /** The last lines of another program's output. */
  readonly output?: readonly string[];
}

/** A person must change something first. Contains every problem that was found. */
export class ActionRequiredError extends MirrorError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: ErrorOptions) {
    super(problems.map((p) => `${p.subject}: ${p.problem} ${p.remedy}`).join('\n'), options);
    this.problems = problems;
  }
}

/** The work stopped. Another run continues from there. */
export class ResumableError extends MirrorError {}

/** The snapshot cannot be completed. A new one must be taken. */
export class SnapshotFailedError extends MirrorError {}

/** Another runner holds the lease of the snapshot. This one must not write any more. */
export class LeaseLostError extends MirrorError {}

/** The work stopped on request and continues later. Nothing is lost. */
export class PausedError extends MirrorError {}

/** A person or the system asked the program to stop. */
export class InterruptedError extends MirrorError {
  constructor(message = 'Interrupted.') {
    super(message);
  }
}
