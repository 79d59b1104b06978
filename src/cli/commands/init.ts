import { constants } from 'node:fs';
import { access, link, lstat, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { printable } from '../../common/printable.ts';
import { ActionRequiredError, loadOptions, readAccount } from '../../index.ts';
import { commandLine } from '../command-line.ts';
import { ENVIRONMENT_FILE, isFromFile } from '../environment-file.ts';
import { EXIT, reportFailures } from '../errors.ts';
import type { InitFlags } from '../init/answers.ts';
import { formatEnvironment } from '../init/environment-text.ts';
import type { Terminal } from '../init/terminal.ts';
import { outputWidth, writeNote } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { withSignals } from '../signals.ts';

/** `init`: writes the settings of a mirror, after asking a person or from its options. */
export function initCommand(): Command {
  return new Command('init')
    .description('write the settings of a mirror: asks on a terminal, or takes options')
    .option('--pools <pools>', 'ids, ARNs or names, separated by commas, or all')
    .option('--database-url <url>', 'Postgres, or embedded (default: DATABASE_URL, else embedded)')
    .option('--archive-url <url>', 's3://bucket/prefix, a folder, or embedded')
    .option('--redis-url <url>', 'Redis, which workers need, or none')
    .option('--schedule <cron>', 'when workers mirror, such as "0 2 * * *"')
    .option('--timezone <zone>', 'the time zone of the schedule, such as Europe/Berlin')
    .addHelpText(
      'after',
      `\nIt writes ${ENVIRONMENT_FILE}, which every command in this folder reads, and\n` +
        'overwrites nothing. Each answer is tried at once. Other users of the machine can\n' +
        'see options: give a URL with a password as DATABASE_URL or REDIS_URL.',
    )
    .action((flags: InitFlags) => withSignals((signal) => runInit(flags, signal)));
}

async function runInit(flags: InitFlags, signal: AbortSignal): Promise<void> {
  const path = join(process.cwd(), ENVIRONMENT_FILE);
  await requireFree(path);
  const { openTerminal } = await import('../init/terminal.ts');
  const isTerminal = process.stdin.isTTY && process.stderr.isTTY;
  const terminal = isTerminal ? openTerminal(signal) : null;
  try {
    await chooseRegion(terminal);
    const { MIRROR_HOME } = process.env;
    const options = { ...(await loadOptions({ MIRROR_HOME })), logger: 'silent' as const };
    const account = await readAccount(options, { signal });
    const owner = account.accountId === null ? '' : ` of account ${account.accountId}`;
    console.error(
      printable(`Credentials${owner}: ${account.credentials}. Region: ${account.region}.`),
    );
    if (account.pools.length === 0) {
      throw ActionRequiredError.of(
        'AWS_REGION',
        `the account of the current credentials has no user pool in ${account.region}.`,
        'Set it to the Region of the pools, or use the credentials of their account.',
      );
    }
    const width = process.stderr.columns || Number.POSITIVE_INFINITY;
    const { collectAnswers } = await import('../init/answers.ts');
    const answers = await collectAnswers(account, flags, { terminal, width, signal });
    await writeNew(path, formatEnvironment(answers, process.env));
    console.error(`\nWrote ${printable(path)}. Only you can read it.\n`);
    terminal?.close();
    await showPlan({ ...process.env, ...answers }, signal);
  } finally {
    terminal?.close();
  }
}

/** The service lists the pools of one Region. Without a Region, a person is asked. */
async function chooseRegion(terminal: Terminal | null): Promise<void> {
  const { env } = process;
  if (terminal === null || env.AWS_REGION || env.AWS_PROFILE) return;
  env.AWS_REGION = await terminal.ask('AWS Region of the pools', 'us-east-1', async (answer) => {
    if (/^[a-z]{2}(-[a-z]+)+-\d+$/.test(answer)) return answer;
    throw ActionRequiredError.of('AWS_REGION', 'is not a Region.', 'Give one such as us-east-1.');
  });
}

/** The commands of the first hour. */
const NEXT = {
  'To check the settings and all servers': 'doctor',
  'To take the first snapshot': 'sync',
  'To see it in a browser': 'dashboard',
};

async function showPlan(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  const options = await loadOptions(env, { needsPools: true });
  const { outcomes, seconds } = await withMirror({ ...options, logger: 'silent' }, (mirror) =>
    mirror.planPools(options.pools, { signal }),
  );
  const { formatPlans } = await import('../display/plan-text.ts');
  const plans = outcomes.flatMap(({ plan }) => plan ?? []);
  if (plans.length > 0) await writeNote(formatPlans(plans, seconds, outputWidth()));
  process.exitCode = (await reportFailures(outcomes, options.logger)) ?? EXIT.done;
  const next = Object.entries(NEXT).map(
    ([what, command]) => `${what}:\n  ${commandLine([command])}\n`,
  );
  await writeNote(`\n${next.join('')}`);
}

/** @throws ActionRequiredError before anything is asked, if the file cannot be written */
async function requireFree(path: string): Promise<void> {
  const isThere = await lstat(path).then(
    () => true,
    () => false,
  );
  if (isThere || isFromFile('COGNITO_POOLS')) throw existsError();
  await access(join(path, '..'), constants.W_OK).catch((error: NodeJS.ErrnoException) => {
    throw unwritableError(error);
  });
}

/** Writes a complete file under its name, which must be free. A killed process leaves none. */
async function writeNew(path: string, text: string): Promise<void> {
  const part = `${path}.${process.pid}.part`;
  try {
    const file = await open(part, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(part, path);
  } catch (error) {
    const failure = error as NodeJS.ErrnoException;
    throw failure.code === 'EEXIST' ? existsError() : unwritableError(failure);
  } finally {
    await rm(part, { force: true });
  }
}

function existsError(): ActionRequiredError {
  return ActionRequiredError.of(
    ENVIRONMENT_FILE,
    'exists in this folder.',
    'Edit it, or delete it and run init again: no file is overwritten.',
  );
}

function unwritableError(cause: NodeJS.ErrnoException): ActionRequiredError {
  return ActionRequiredError.of(
    ENVIRONMENT_FILE,
    `cannot be written to this folder (${cause.code}).`,
    'Work in a folder that this user can write.',
    { cause },
  );
}
