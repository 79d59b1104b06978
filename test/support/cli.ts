import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from '../../scripts/lib/build.mjs';
import { commandHint } from '../../src/cli/command-line.ts';

/** The command as it is installed. */
export const MAIN = fileURLToPath(new URL('../../bin/cognito-mirror.mjs', import.meta.url));

/** A command as the program prints it for a shell, run with this environment elsewhere. */
export function hint(args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  return commandHint(args, { env, script: MAIN, folder: () => '/elsewhere' });
}

export interface CliOptions {
  /** Added to what a program needs of the environment; nothing else of ours reaches it. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What it reads on standard input. */
  readonly input?: string;
  /** The shell's line that runs it as `"$@"`, such as `exec "$@" > /dev/full`. */
  readonly shell?: string;
}

export interface CliResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Null where a signal ended it. */
  readonly code: number | null;
}

/** A command that runs. */
export interface CliProcess {
  readonly child: ChildProcessWithoutNullStreams;
  /** What it has written so far. */
  readonly output: { stdout: string; stderr: string };
  /** Resolves when it has ended. */
  readonly result: Promise<CliResult>;
}

/** Checking the build reads every source, so each test file does it once. */
let built: Promise<void> | undefined;

/** Starts `cognito-mirror` with these arguments, built from the sources as they are. */
export async function startCli(
  args: readonly string[],
  options: CliOptions = {},
): Promise<CliProcess> {
  built ??= ensureBuilt();
  await built;
  const shell = ['-c', options.shell ?? 'exec "$@"', 'sh'];
  const child = spawn('/bin/sh', [...shell, process.execPath, MAIN, ...args], {
    // Not the repository: a file of settings there would count.
    cwd: options.cwd ?? tmpdir(),
    env: { PATH: process.env.PATH, ...options.env },
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  child.stdin.on('error', () => {}).end(options.input ?? '');
  const result = new Promise<CliResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ ...output, code }));
  });
  return { child, output, result };
}

/** Runs `cognito-mirror` with these arguments to its end. */
export async function runCli(
  args: readonly string[],
  options: CliOptions = {},
): Promise<CliResult> {
  return (await startCli(args, options)).result;
}
