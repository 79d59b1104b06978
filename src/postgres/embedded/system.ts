import { existsSync } from 'node:fs';
import { ConfigurationError } from '../../model/errors.ts';
import { embeddedProblem } from './problem.ts';
import { type Launch, runProgram } from './programs.ts';

/**
 * Checks that this system can load and run the server's program, whose package npm installs on
 * every system of the platform: also with another C library, and with one that is too old.
 *
 * @throws ConfigurationError where it cannot
 */
export async function ensureRuns(launch: Launch, program: string): Promise<void> {
  try {
    await runProgram(launch, program, ['--version']);
  } catch (cause) {
    const { problem, remedy } = describe(cause, program);
    throw embeddedProblem(problem, remedy, { cause });
  }
}

function describe(cause: unknown, program: string): { problem: string; remedy: string } {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === 'ENOENT' && !existsSync(program)) {
    return { problem: `its program ${program} is missing.`, remedy: 'Install again' };
  }
  if (code === 'ENOENT') {
    // The kernel means the loader that the program names.
    return {
      problem: `this system cannot run ${program}: it needs glibc, and this system does not have it (Alpine has musl).`,
      remedy: 'Use a system with glibc, such as Debian',
    };
  }
  if (code === 'EACCES') {
    return {
      problem: `this user may not execute ${program} (EACCES).`,
      remedy: 'Install as this user, on a file system that is not mounted with noexec',
    };
  }
  const words = cause instanceof ConfigurationError ? cause.problems[0]?.problem : String(cause);
  return {
    problem: `this system cannot run ${program}: ${words}`,
    remedy: 'Use a newer system (on Linux, one with glibc 2.27 or newer)',
  };
}
