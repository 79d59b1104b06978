import { spawn } from 'node:child_process';
import { parse } from 'node:path';
import { InterruptedError } from '../../model/errors.ts';
import { embeddedProblem, suggestRemedy } from './problem.ts';

/** The variable with more folders for the system's loader. */
const LIBRARY_PATH = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH';

/** A system account by its numbers. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** How the server's programs run: as which user, and through which command. */
export interface Launch {
  /** The account that must own the data, if it differs from the one that runs this program. */
  readonly account: Account | null;
  /** The words before a program's path, such as `setpriv` and its options. */
  readonly prefix: readonly string[];
  /** True if the prefix changes the account, and the system call need not. */
  readonly prefixSwitches: boolean;
  /** More folders for the loader, from `linkLibraries`. */
  readonly libraryPath: string | null;
}

/** Runs the programs as the same account as this one. */
export const AS_SELF: Launch = {
  account: null,
  prefix: [],
  prefixSwitches: false,
  libraryPath: null,
};

/** The command line and the options of `spawn` for one program. */
export function commandLine(launch: Launch, program: string, args: readonly string[]) {
  const [file = program, ...rest] = [...launch.prefix, program, ...args];
  return {
    file,
    args: rest,
    options: {
      // Everyone may enter the root folder; the account may not enter ours.
      cwd: parse(program).root,
      env: cleanEnvironment(launch.libraryPath),
      ...(launch.account !== null &&
        !launch.prefixSwitches && { uid: launch.account.uid, gid: launch.account.gid }),
    },
  };
}

/**
 * The few variables that the programs need. The server outlives the command that started it, so it must
 * not keep that command's credentials or depend on its PG* variables.
 */
function cleanEnvironment(libraryPath: string | null): NodeJS.ProcessEnv {
  const names = ['PATH', 'TEMP', 'TMP'];
  const kept = names.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(kept),
    LC_ALL: 'C',
    ...(libraryPath !== null && { [LIBRARY_PATH]: libraryPath }),
  };
}

/**
 * Runs a program to its end, feeding it `input`.
 *
 * @throws ActionRequiredError with the end of its output if it fails
 * @throws InterruptedError if `signal` aborts
 */
export async function runProgram(
  launch: Launch,
  program: string,
  args: readonly string[],
  { input = '', signal }: { input?: string; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const line = commandLine(launch, program, args);
  const child = spawn(line.file, line.args, { ...line.options, stdio: 'pipe' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-2_000);
    });
  }
  // If a program ends before it reads its input, its exit code decides.
  child.stdin.on('error', () => {}).end(input);
  const stop = () => child.kill();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const end = await new Promise<string | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signalName) => resolve(code === 0 ? null : `${code ?? signalName}`));
    });
    if (signal?.aborted) throw new InterruptedError();
    if (end !== null) {
      throw embeddedProblem(`${parse(program).name} failed (${end}).`, suggestRemedy(output), {
        output,
      });
    }
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
