import { CommanderError } from 'commander';
import { ConfigurationError, InterruptedError } from '../model/errors.ts';
import { asLimit } from './limits.ts';

/** What the program's exit code tells whoever ran it. */
export const EXIT = {
  done: 0,
  /** It failed, and can be run again to resume. */
  failed: 1,
  /** Wrong usage or configuration; a server not reachable at the start included. */
  usage: 2,
  /** A snapshot is held for review. */
  held: 3,
  /** Interrupted; it can be resumed. */
  interrupted: 130,
} as const;

/** The exit code of an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if ((asLimit(error) ?? error) instanceof ConfigurationError) return EXIT.usage;
  if (error instanceof InterruptedError) return EXIT.interrupted;
  // Commander ends `--help` and `--version` with an error of code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  return EXIT.failed;
}
