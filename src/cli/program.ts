import { Command } from 'commander';
import { printable } from '../common/printable.ts';
import { DESCRIPTION, VERSION } from '../index.ts';
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
import { queryCommand } from './commands/query.ts';
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
import { addHelp, withSubcommands } from './help.ts';

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

/** The program with all its commands. Wrong arguments throw, instead of ending the process. */
export function createProgram(): Command {
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

/** An error about a command line quotes it. */
function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}
