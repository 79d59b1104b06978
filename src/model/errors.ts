/**
 * Errors, grouped by what the caller does next. Each message says what happened, to what, and
 * what to do; none holds a user's data, a page token or a credential.
 */
export abstract class MirrorError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** One thing wrong with the configuration, the command line or what they name. */
export interface Problem {
  /** The variable, option or object at fault. */
  readonly subject: string;
  /** What is wrong with it. */
  readonly problem: string;
  /** What to do about it. */
  readonly remedy: string;
  /** The end of another program's output, line by line. */
  readonly output?: readonly string[];
}

/** The person must change something first. Carries every problem found, not the first alone. */
export class ActionRequiredError extends MirrorError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: ErrorOptions) {
    super(problems.map((p) => `${p.subject}: ${p.problem} ${p.remedy}`).join('\n'), options);
    this.problems = problems;
  }
}

/** The work stopped; what was done is kept, and running it again goes on from there. */
export class ResumableError extends MirrorError {}

/** The snapshot cannot be completed; a new one must be taken. */
export class SnapshotFailedError extends MirrorError {}

/** Another runner has the snapshot now: this one must write nothing more for it. */
export class LeaseLostError extends MirrorError {}

/** The work stopped where it was asked to, with everything kept: it goes on at another time. */
export class PausedError extends MirrorError {}

/** A person or the system asked the program to stop. */
export class InterruptedError extends MirrorError {
  constructor(message = 'Interrupted.') {
    super(message);
  }
}
