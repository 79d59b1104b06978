import { homedir } from 'node:os';
import type { Command } from 'commander';
import { prepareAwsEnvironment } from './aws-environment.ts';
import { withStatement } from './commands/query.ts';
import { COMPLETE } from './completion/scripts.ts';
import { readEnvironmentFile } from './environment-file.ts';
import { EXIT, isDebug, printFailure, toExitCode } from './errors.ts';
import { endProcess, OutputClosedError, surviveFailedOutput } from './output.ts';
import { createProgram } from './program.ts';

// The SDK would print a warning about Node 20 between our own lines.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
// The library that runs migrations would leave a cache in the temporary folder.
process.env.JITI_FS_CACHE ??= 'false';

// A user id without a name or HOME has no home folder, and the SDK fails without one.
if (!hasHome()) process.env.HOME = '/';

surviveFailedOutput();
process.exitCode = EXIT.done;
try {
  // A person who presses Tab has not run anything in this folder.
  const isCompletion = process.argv[2] === COMPLETE;
  if (!isCompletion) await readEnvironmentFile(process.env, () => process.cwd());
  prepareAwsEnvironment(process.env);
  const program = createProgram();
  if (isCompletion) {
    const { printWords } = await import('./completion/print-words.ts');
    await printWords(program, process.argv.slice(3));
  }
  await program.parseAsync(readArguments(program), { from: 'user' });
} catch (error) {
  await printFailure(error, isDebug(process.env.LOG_LEVEL));
  // A reader that closes the output does not change how the command ended.
  if (!(error instanceof OutputClosedError)) process.exitCode = toExitCode(error);
}
// Idle keep-alive connections must not hold the process.
endProcess(process.exitCode ?? EXIT.done);

function hasHome(): boolean {
  try {
    return homedir() !== '';
  } catch {
    return false;
  }
}

/** The arguments, with `version` as a command, and `help` of an unknown command as that command. */
function readArguments(program: Command): string[] {
  const args = process.argv.slice(2);
  const [first, second] = args;
  if (first === 'version') return ['--version', ...args.slice(1)];
  const isKnown = program.commands.some((command) => command.name() === second);
  if (first === 'help' && second !== undefined && !isKnown) return args.slice(1);
  return withStatement(args);
}
