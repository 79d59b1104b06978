import { CommanderError } from 'commander';
import { printable } from '../common/printable.ts';
import { scrubText } from '../common/redact-url.ts';
import {
  ActionRequiredError,
  InterruptedError,
  type LogLevel,
  MirrorError,
  ResumableError,
} from '../index.ts';
import { localizeCommands } from './command-line.ts';
import { OutputClosedError } from './output.ts';

/**
 * Describes the error that ended a command, in lines for standard error: one for each problem with its
 * remedy. Only `debug` shows stacks.
 */
export function describeFailure(error: unknown, debug: boolean): string[] {
  if (error instanceof ExitError) return describeFailure(error.cause, debug);
  // Both were reported already.
  if (error instanceof CommanderError || error instanceof OutputClosedError) return [];
  if (error instanceof ActionRequiredError) {
    return error.problems.flatMap(({ subject, problem, remedy, output = [] }) => [
      line(`${subject}: ${problem} ${remedy}`),
      ...output.map((text) => `  ${printable(scrubText(text))}`),
    ]);
  }
  const limit = explainSystemLimit(error);
  if (limit !== null) return describeFailure(limit, debug);
  if (!(error instanceof Error)) return [line(String(error))];
  const known = error instanceof MirrorError;
  const lines = [line(known ? error.message : `${error.name}: ${messageOf(error)}`)];
  if (debug && error.stack !== undefined && !(error instanceof InterruptedError)) {
    lines.push(
      ...error.stack
        .split('\n')
        .slice(1)
        .map((frame) => printable(scrubText(frame))),
    );
  } else if (!known) {
    lines.push(line('This is unexpected. LOG_LEVEL=debug shows where it happened.'));
  }
  return lines;
}

/** Prints on standard error what `describeFailure` says. */
export async function printFailure(error: unknown, debug: boolean): Promise<void> {
  await printLines(describeFailure(error, debug));
}

/** Wraps lines between words on a terminal, which would cut words. */
async function printLines(lines: readonly string[]): Promise<void> {
  const { isTTY, columns } = process.stderr;
  // Loaded on use. A process at its limit of open files cannot load it.
  const folding = isTTY && columns ? await import('./display/fold.ts').catch(() => null) : null;
  for (const text of lines) {
    // What other programs printed, and stacks, are indented.
    const isProse = !text.startsWith(' ');
    console.error(folding && isProse ? folding.fold('', text, columns).join('\n') : text);
  }
}

/** True if this LOG_LEVEL asks for stacks. */
export function isDebug(logLevel: string | undefined): boolean {
  return logLevel === 'debug' || logLevel === 'trace';
}

/** Some errors of Node hold others, and no message of their own. */
function messageOf(error: Error): string {
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message;
  return error.errors.map(String).join('; ');
}

function line(text: string): string {
  return `cognito-mirror: ${localizeCommands(printable(scrubText(text)))}`;
}

/** The exit codes of the program. */
export const EXIT = {
  done: 0,
  /** It failed; run it again to resume. */
  failed: 1,
  /** Wrong usage or configuration, or a server that cannot be reached at the start. */
  usage: 2,
  /** A snapshot is held for review. */
  held: 3,
  /** Interrupted; run it again to resume. */
  interrupted: 130,
} as const;

/** Ends a command with another exit code than its error, the cause, has in other commands. */
export class ExitError extends Error {
  readonly exitCode: number;

  constructor(cause: unknown, exitCode: number) {
    super('The command failed.', { cause });
    this.exitCode = exitCode;
  }
}

/** The exit code of an error that ended a command. */
export function toExitCode(error: unknown): number {
  if (error instanceof ExitError) return error.exitCode;
  if ((explainSystemLimit(error) ?? error) instanceof ActionRequiredError) return EXIT.usage;
  if (error instanceof InterruptedError) return EXIT.interrupted;
  // Commander ends `--help` and `--version` with an error of code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  return EXIT.failed;
}

/** The run of one pool, and the error that ended it, if one did. */
interface PoolResult {
  readonly poolId: string;
  readonly error: Error | null;
}

/**
 * Prints on standard error which pools of a run failed, and why.
 *
 * @returns the exit code; null if no pool failed
 */
export async function reportFailures(
  runs: readonly PoolResult[],
  logLevel: LogLevel,
): Promise<number | null> {
  for (const { poolId, error } of runs) {
    if (error === null) continue;
    const lines = describeFailure(error, isDebug(logLevel));
    await printLines(lines.map((line) => (line.includes(poolId) ? line : `${line} (${poolId})`)));
  }
  const errors = runs.flatMap(({ error }) => error ?? []);
  if (errors.length === 0) return null;
  const areUnusable = errors.every((error) => toExitCode(error) === EXIT.usage);
  return areUnusable && errors.length === runs.length ? EXIT.usage : EXIT.failed;
}

/** Explains an error that comes from a limit of the system; null for other errors. */
function explainSystemLimit(error: unknown): MirrorError | null {
  if (!(error instanceof Error)) return null;
  const { code, path } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EMFILE':
      return toRaise(
        'open files',
        `this process may have ${openFiles()} open files, which is too few.`,
        'Raise the limit, such as by `ulimit -n 1024`.',
      );
    case 'ENFILE':
      return toRaise(
        'open files',
        'the system has no open files left.',
        'Raise its limit (`fs.file-max` on Linux), or end other programs.',
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new ResumableError(
        `${path === undefined ? 'A file' : path} cannot be written: no space is left on its disk (${code}). ` +
          'Free space in MIRROR_HOME and the folder of the archive, then run the command again.',
        { cause: error },
      );
    case 'EFBIG':
      return new ResumableError(
        `${path === undefined ? 'A file' : path} cannot be written: it is larger than the limit on file sizes (EFBIG). ` +
          'Raise the limit (`ulimit -f unlimited`), then run the command again.',
        { cause: error },
      );
    default:
      return error instanceof RangeError && error.message.includes('WebAssembly')
        ? toRaise(
            'virtual memory',
            'its limit is too low for Node.',
            'Remove it: `ulimit -v unlimited`.',
          )
        : null;
  }
}

function toRaise(subject: string, problem: string, remedy: string): ActionRequiredError {
  return new ActionRequiredError([{ subject, problem, remedy }]);
}

/** The limit as Node reports it without opening a file. */
function openFiles(): string {
  const { userLimits } = process.report.getReport() as {
    userLimits?: { open_files?: { soft?: string | number } };
  };
  return `at most ${userLimits?.open_files?.soft ?? 'a few'}`;
}
