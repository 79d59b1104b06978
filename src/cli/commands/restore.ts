import { Command, InvalidArgumentError, Option } from 'commander';
import { printableJson } from '../../common/printable.ts';
import {
  ActionRequiredError,
  type ImportCsvSummary,
  InterruptedError,
  loadOptions,
  type Mirror,
  RESTORE_KINDS,
  RESTORE_PASSWORDS,
  type RestoreKind,
  type RestoreNames,
  type RestorePassword,
  type RestorePlan,
  type RestoreProgress,
  type RestoreRequest,
  type RestoreRun,
  ResumableError,
} from '../../index.ts';
import { commandHint } from '../command-line.ts';
import { EXIT, ExitError } from '../errors.ts';
import { NewFiles } from '../new-files.ts';
import { OutputClosedError, outputWidth, writeJson, writeNote, writeOut } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { QUICKLY, withSignals } from '../signals.ts';

interface RestoreCommandOptions {
  readonly from: string;
  readonly to: string;
  readonly user?: readonly string[];
  readonly group?: readonly string[];
  readonly only?: readonly RestoreKind[];
  readonly password: RestorePassword;
  readonly share: number;
  readonly acceptTriggers?: boolean;
  readonly dryRun?: boolean;
  readonly names?: boolean;
  readonly format?: 'import-csv';
  readonly out?: string;
  readonly json?: boolean;
}

const RECORDED = 'What was written is recorded; run the same command again to resume.';

/** `restore`: puts a snapshot back into a pool. */
export function restoreCommand(): Command {
  const collect = (text: string, before: readonly string[] = []) => [...before, text];
  return new Command('restore')
    .description('put users, groups and memberships of a snapshot back into a pool')
    .requiredOption(
      '--from <snapshot>',
      'POOL/SNAPSHOT, POOL/latest or POOL/TIME, or the path or URL of a manifest (no database)',
    )
    .requiredOption('--to <pool>', 'the pool to write to; it must exist')
    .option('--user <user>', 'only this username, sub or e-mail address; repeatable', collect)
    .option('--group <name>', 'only this group and its members; repeatable', collect)
    .option('--only <what>', `comma-separated: ${RESTORE_KINDS.join(', ')}`, parseKinds)
    .option('--dry-run', 'write nothing; show what would be done')
    .option('--names', 'show what will be done by name')
    .addOption(
      new Option('--password <kind>', 'the password of created users')
        .choices(RESTORE_PASSWORDS)
        .default('random'),
    )
    .option('--share <share>', 'the share of the quotas of writes, over 0 up to 1', parseShare, 0.5)
    .option('--accept-triggers', "let the functions of the target's triggers run")
    .addOption(
      new Option('--format <format>', "write the file of the service's own import job instead")
        .choices(['import-csv'])
        .conflicts(['only', 'dryRun', 'names', 'password', 'share', 'acceptTriggers']),
    )
    .option('--out <file>', 'with --format: the file to write; it must not exist')
    .option('--json', 'print one JSON document: {"plan":{…},"result":{…}}')
    .addHelpText(
      'after',
      '\nNo user is deleted or gets a message. Users that exist are compared, and\n' +
        'only what differs is written. What --user and --group need, such as the groups\n' +
        'of a user, is created if the target lacks it. Run it again to resume.',
    )
    .action((options: RestoreCommandOptions) =>
      withSignals((signal) => runRestore(options, signal), {
        ...QUICKLY,
        outcome: () => RECORDED,
      }),
    );
}

/** @throws InvalidArgumentError if a word is not a kind */
function parseKinds(text: string): RestoreKind[] {
  const words = text.split(',');
  const known: readonly string[] = RESTORE_KINDS;
  if (words.every((word) => known.includes(word))) return words as RestoreKind[];
  throw new InvalidArgumentError(`Give some of ${known.join(', ')}, separated by commas.`);
}

/** @throws InvalidArgumentError if the text is not a share */
function parseShare(text: string): number {
  const share = Number(text);
  if (/^\d*\.?\d+$/.test(text) && share > 0 && share <= 1) return share;
  throw new InvalidArgumentError('Give a number over 0, up to 1.');
}

async function runRestore(options: RestoreCommandOptions, signal: AbortSignal): Promise<void> {
  if ((options.format === undefined) !== (options.out === undefined)) {
    const remedy = 'Give --format import-csv and --out FILE together.';
    throw ActionRequiredError.of('--format', 'needs a file, and a file a format.', remedy);
  }
  const loaded = await loadOptions(process.env);
  const { from, to, user: users, group: groups, only, password, share } = options;
  const { acceptTriggers, dryRun } = options;
  const choice = { from, to, users, groups, only };
  await withMirror(loaded, async (mirror) => {
    if (options.out !== undefined) return writeImportCsv(mirror, choice, options, signal);
    const request = { ...choice, password, share, acceptTriggers, dryRun };
    return restore(mirror, request, options, signal);
  });
}

async function restore(
  mirror: Mirror,
  request: RestoreRequest,
  options: RestoreCommandOptions,
  signal: AbortSignal,
): Promise<void> {
  const printer = await choosePrinter(options);
  const { startRestoreDisplay } = await import('../display/restore-display.ts');
  let hasEnded = false;
  let progress = null as RestoreProgress | null;
  const display = startRestoreDisplay({
    progress: () => progress,
    stream: process.stderr,
    log: mirror.logger,
  });
  try {
    const run = await mirror.restore(request, {
      signal,
      onProgress(current) {
        progress = current;
      },
      async onPlan(plan, names) {
        display.pause();
        await printer.plan(plan, names);
        display.resume();
      },
    });
    display.stop();
    // Before anything is printed: the reader may be gone.
    process.exitCode =
      run.result === null || run.result.outcome === 'done' ? EXIT.done : EXIT.failed;
    hasEnded = true;
    await printer.end(run);
  } catch (error) {
    await printer.fail();
    const written = progress?.hasWritten === true;
    if (signal.aborted) {
      throw new InterruptedError(`Interrupted. ${written ? RECORDED : 'Nothing was written.'}`);
    }
    // A person who did not see the whole plan may not want it.
    if (error instanceof OutputClosedError && !hasEnded && !request.dryRun) {
      throw new ResumableError('The plan could not be printed to its end: nothing was written.');
    }
    // 2 promises that nothing was written.
    throw written ? new ExitError(error, EXIT.failed) : error;
  } finally {
    display.stop();
  }
}

/** Prints a restore: its plan before anything is written, and its end or that it failed. */
interface Printer {
  plan(plan: RestorePlan, names: RestoreNames): Promise<void>;
  fail(): Promise<void>;
  end(run: RestoreRun): Promise<void>;
}

async function choosePrinter({ json, names: byName }: RestoreCommandOptions): Promise<Printer> {
  const text = await import('../display/restore-text.ts');
  if (json) return jsonPrinter(byName === true, text.namesOf);
  const width = outputWidth();
  return {
    async plan(plan, names) {
      await writeOut(text.formatRestorePlan(plan, width));
      if (!byName) return;
      await writeOut('\n');
      for (const task of names.tasks()) await writeOut(text.formatTask(task));
      for (const loss of names.losses()) await writeOut(text.formatLoss(loss));
    },
    async fail() {},
    async end({ plan, result }) {
      if (result === null) {
        await writeOut('\nNothing was written.\n');
        return;
      }
      await writeOut(`\n${text.formatRestoreResult(result, width)}`);
      const { source, target } = plan;
      const lines = [['sync', target.poolId]];
      // An archive has one pool, so there is nothing to compare the target with in the database.
      if (source.archive === null && source.poolId !== target.poolId) {
        lines.push(['diff', source.poolId, source.snapshot, `${target.poolId}/latest`]);
      }
      await writeOut(`To compare:\n${lines.map((line) => `  ${commandHint(line)}\n`).join('')}`);
    },
  };
}

function jsonPrinter(
  byName: boolean,
  namesOf: typeof import('../display/restore-text.ts').namesOf,
): Printer {
  let isOpen = false;
  return {
    async plan(plan, names) {
      isOpen = true;
      await writeOut(`{"plan":${printableJson(plan)}`);
      if (!byName) return;
      const entries = function* () {
        for (const task of names.tasks()) {
          yield task.entity === 'group' || task.entity === 'user'
            ? {
                entity: task.entity,
                action: task.action,
                name: nameOf(task),
                fields: namesOf(task),
              }
            : task;
        }
      };
      await writeList('tasks', entries());
      await writeList('notRestored', names.losses());
    },
    // Without a result, what was printed is still a document.
    async fail() {
      if (isOpen) await writeNote('}\n');
    },
    end: ({ result }) => writeOut(`,"result":${printableJson(result)}}\n`),
  };
}

function nameOf(task: { groupName: string } | { username: string }): string {
  return 'groupName' in task ? task.groupName : task.username;
}

async function writeList(name: string, entries: Iterable<object>): Promise<void> {
  let separator = '\n';
  await writeOut(`,${JSON.stringify(name)}:[`);
  for (const entry of entries) {
    await writeOut(`${separator}${printableJson(entry)}`);
    separator = ',\n';
  }
  await writeOut(']');
}

async function writeImportCsv(
  mirror: Mirror,
  choice: Pick<RestoreRequest, 'from' | 'to' | 'users' | 'groups'>,
  { out = '', json = false }: RestoreCommandOptions,
  signal: AbortSignal,
): Promise<void> {
  const files = new NewFiles();
  let summary: ImportCsvSummary;
  try {
    const file = await files.create(out);
    summary = await mirror.importCsv(
      choice,
      async (lines) => {
        for await (const text of lines) await file.writeFile(text);
      },
      { signal },
    );
    await files.finish();
  } catch (error) {
    await files.remove();
    throw error;
  }
  if (json) return writeJson(summary);
  const { formatImportCsv } = await import('../display/restore-text.ts');
  await writeOut(formatImportCsv(summary, outputWidth()));
}
