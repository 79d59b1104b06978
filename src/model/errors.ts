import { formatCommand } from '../common/command.ts';

/** What kinds of errors there are: one for each thing that a caller can do next. */
export type ErrorCode =
  | 'action_required'
  | 'resumable'
  | 'snapshot_failed'
  | 'lease_lost'
  | 'paused'
  | 'interrupted'
  | 'statement_failed'
  | 'user_not_found';

/**
 * Errors, grouped by what the caller does next. Each message says what happened, to what, and
 * what to do; none holds a user's data, a page token or a credential.
 */
export abstract class MirrorError extends Error {
  /** Names the kind of the error. It stays the same when the wording changes. */
  abstract readonly code: ErrorCode;

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
  readonly code = 'action_required';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: ErrorOptions) {
    super(problems.map((p) => `${p.subject}: ${p.problem} ${p.remedy}`).join('\n'), options);
    this.problems = problems;
  }

  /** The error for one problem. */
  static of(subject: string, problem: string, remedy: string, options?: ErrorOptions) {
    return new ActionRequiredError([{ subject, problem, remedy }], options);
  }
}

/** The command needs a mirror, and there is none yet. */
export class NoMirrorError extends ActionRequiredError {
  /** @param place where the mirror was looked for, as messages name it */
  constructor(place: string) {
    super([
      {
        subject: place,
        problem: 'nothing is mirrored there yet.',
        remedy: `Set MIRROR_HOME or DATABASE_URL to where the mirror is, or mirror a pool: \`${formatCommand(['sync', 'POOL'])}\`.`,
      },
    ]);
  }
}

/** The work stopped and its progress is kept: run it again to resume. */
export class ResumableError extends MirrorError {
  readonly code = 'resumable';
}

/** The snapshot cannot be completed; a new one must be taken. */
export class SnapshotFailedError extends MirrorError {
  readonly code = 'snapshot_failed';
}

/** Another process took the snapshot: this one must not write to it any more. */
export class LeaseLostError extends MirrorError {
  readonly code = 'lease_lost';
}

/** The work stopped on request and its progress is kept: it continues later. */
export class PausedError extends MirrorError {
  readonly code = 'paused';
}

/** A person or the system asked the program to stop. */
export class InterruptedError extends MirrorError {
  readonly code = 'interrupted';

  constructor(message = 'Interrupted.', options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * The error of work that `signal` may have stopped: libraries end it with errors of their own. Other
 * errors stay as they are.
 */
export function explainAbort(error: unknown, { aborted, reason }: AbortSignal): unknown {
  if (!aborted || error instanceof InterruptedError) return error;
  if (reason instanceof InterruptedError) return reason;
  return new InterruptedError(undefined, { cause: error });
}
