import { existsSync } from 'node:fs';
import { ActionRequiredError } from '../../model/errors.ts';
import { embeddedProblem } from './problem.ts';
import { type Launch, runProgram } from './programs.ts';

/** The loader's messages for a library that is missing or too old. */
const LOADER = /GLIBC_|shared librar|symbol lookup|Library not loaded/;

/**
 * Checks that this system can load and run the server's program, whose package npm installs on
 * every system of the platform: also with another C library, and with one that is too old.
 *
 * @throws ActionRequiredError if it cannot
 */
export async function ensureRuns(launch: Launch, program: string): Promise<void> {
  try {
    await runProgram(launch, program, ['--version']);
  } catch (cause) {
    throw explainRunError(cause, program) ?? cause;
  }
}

/** The error for a system that cannot run the program; null if something else failed. */
function explainRunError(cause: unknown, program: string): ActionRequiredError | null {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOENT' && !existsSync(program)) {
    return embeddedProblem(`its program ${program} is missing.`, 'Install again', { cause });
  }
  if (code === 'ENOENT') {
    // The kernel means the loader that the program names.
    return embeddedProblem(
      `this system cannot run ${program}: it needs glibc, and this system does not have it (Alpine has musl).`,
      'Use a system with glibc, such as Debian',
      { cause },
    );
  }
  if (code === 'EACCES') {
    return embeddedProblem(
      `this user may not execute ${program} (EACCES).`,
      'Install as this user, on a file system that is not mounted with noexec',
      { cause },
    );
  }
  const output = cause instanceof ActionRequiredError ? cause.problems[0]?.output?.join('\n') : '';
  if (output === undefined || !LOADER.test(output)) return null;
  return embeddedProblem(
    `this system cannot load ${program}.`,
    'Use a newer system (on Linux, one with glibc 2.27 or newer)',
    { cause, output },
  );
}
