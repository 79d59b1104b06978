import { homedir } from 'node:os';
import { Command } from 'commander';
import { printable } from '../common/printable.ts';
import { DESCRIPTION, VERSION } from '../index.ts';
import { prepareAwsEnvironment } from './aws-environment.ts';
import { accessCommand } from './commands/access.ts';
import { accessReviewCommand } from './commands/access-review.ts';
import { completionCommand } from './commands/completion.ts';
import { dashboardCommand } from './commands/dashboard.ts';
import { dbCommand } from './commands/db.ts';
import { ddlCommand } from './commands/ddl.ts';
import { demoCommand } from './commands/demo.ts';
import { diffCommand } from './commands/diff.ts';
import { discardCommand } from './commands/discard.ts';
import { doctorCommand } from './commands/doctor.ts';
import { forgetCommand } from './commands/forget.ts';
import { historyCommand } from './commands/history.ts';
import { iamPolicyCommand } from './commands/iam-policy.ts';
import { initCommand } from './commands/init.ts';
import { keygenCommand } from './commands/keygen.ts';
import { listCommand } from './commands/list.ts';
import { migrateCommand } from './commands/migrate.ts';
import { planCommand } from './commands/plan.ts';
import { pruneCommand } from './commands/prune.ts';
import { queryCommand, withStatement } from './commands/query.ts';
import { releaseCommand } from './commands/release.ts';
import { reportCommand } from './commands/report.ts';
import { restoreCommand } from './commands/restore.ts';
import { retireCommand } from './commands/retire.ts';
import { simulatorCommand } from './commands/simulator.ts';
import { statusCommand } from './commands/status.ts';
import { syncCommand } from './commands/sync.ts';
import { triggerCommand } from './commands/trigger.ts';
import { verifyCommand } from './commands/verify.ts';
import { workerCommand } from './commands/worker.ts';
import { COMPLETE } from './completion/scripts.ts';
import { readEnvironmentFile } from './environment-file.ts';
import { describeFailure, EXIT, isDebug, toExitCode } from './errors.ts';
import { addHelp, withSubcommands } from './help.ts';
import { endProcess, OutputClosedError, surviveFailedOutput } from './output.ts';

/** The commands in the order of `--help`. Each loads what it needs when it runs. */
const COMMANDS = [
  initCommand,
  syncCommand,
  planCommand,
  workerCommand,
  triggerCommand,
  statusCommand,
  doctorCommand,
  listCommand,
  queryCommand,
  diffCommand,
  historyCommand,
  accessCommand,
  accessReviewCommand,
  reportCommand,
  dbCommand,
  dashboardCommand,
  releaseCommand,
  discardCommand,
  retireCommand,
  restoreCommand,
  verifyCommand,
  pruneCommand,
  forgetCommand,
  keygenCommand,
  ddlCommand,
  iamPolicyCommand,
  migrateCommand,
  completionCommand,
  simulatorCommand,
  demoCommand,
];

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
  for (const line of describeFailure(error, isDebug(process.env.LOG_LEVEL))) console.error(line);
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

function createProgram(): Command {
  const program = new Command('cognito-mirror').description(`${DESCRIPTION}.`).version(VERSION);
  for (const create of COMMANDS) program.addCommand(create());
  for (const command of withSubcommands(program)) {
    command
      .exitOverride()
      .showHelpAfterError('(--help shows what it takes)')
      .configureOutput({
        writeErr: (text) => process.stderr.write(printableLines(text)),
        outputError: (text, write) => write(text.replace(/^error: /, 'cognito-mirror: ')),
      });
  }
  addHelp(program);
  return program;
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

/** An error about a command line quotes it. */
function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
