import { Command, InvalidArgumentError } from 'commander';
import { printable } from '../../common/printable.ts';
import {
  type HistoryQuestions,
  type Report,
  type ReportOptions,
  renderReport,
} from '../../index.ts';
import { includeWholeDay } from '../arguments.ts';
import { archiveOption, withHistory } from '../ask-history.ts';
import { NewFiles } from '../new-files.ts';
import { writeOut } from '../output.ts';
import { withSignals } from '../signals.ts';

interface CommandOptions {
  readonly from?: string;
  readonly to: string;
  readonly out: string;
  readonly signers?: string;
  readonly archive?: string;
  readonly unchangedDays: number;
  readonly limit: number;
}

/** `report`: one page for an auditor. */
export function reportCommand(): Command {
  return new Command('report')
    .description('write one HTML page for an auditor: who came and went, roles, evidence, proof')
    .argument('<pool>', "the pool's id, ARN or name")
    .option('--from <point>', 'a snapshot id, a time, latest or previous (default: before --to)')
    .option('--to <point>', 'the same; a date includes its whole day', 'latest')
    .requiredOption('--out <file>', 'the file to write; it must not exist')
    .option(
      '--signers <file>',
      "the keys that may sign: a file of OpenSSH's allowed signers (default: ARCHIVE_SIGNERS)",
    )
    .option(
      '--unchanged-days <n>',
      'list unconfirmed users that did not change for this many days',
      parseCount,
      90,
    )
    .option('--limit <n>', 'the most entries of each list', parseCount, 50)
    .addOption(archiveOption())
    .addHelpText(
      'after',
      '\nThe page loads nothing and runs nothing. It holds personal data: only you can\n' +
        'read the file. The archive of the later snapshot is read and verified for it.',
    )
    .action((poolId: string, options: CommandOptions) =>
      withSignals((signal) => runReport(poolId, options, signal)),
    );
}

/** @throws InvalidArgumentError if the text is not a whole number */
function parseCount(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Give a whole number.');
}

async function runReport(
  poolId: string,
  { out, to, archive, ...options }: CommandOptions,
  signal: AbortSignal,
): Promise<void> {
  const question: ReportOptions = {
    ...options,
    to: includeWholeDay(to),
    signal,
  };
  const report = await withHistory(archive, (history) =>
    writeReport(history, poolId, out, question),
  );
  // The file stays even if the output is closed.
  await writeOut(describe(out, report));
}

/** Writes the page, or nothing. */
async function writeReport(
  history: HistoryQuestions,
  poolId: string,
  out: string,
  question: ReportOptions,
): Promise<Report> {
  const files = new NewFiles();
  try {
    const file = await files.create(out);
    const report = await history.report(poolId, question);
    await file.writeFile(await renderReport(report));
    await files.finish();
    return report;
  } catch (error) {
    await files.remove();
    throw error;
  }
}

function describe(out: string, { poolId, from, to, verdict }: Report): string {
  const judgements = Object.entries(verdict).map(
    ([name, { answer, why }]) => `  ${name.padEnd(8)}  ${answer.padEnd(7)}  ${why}`,
  );
  return [
    `${poolId}: wrote the report of ${from.snapshot} to ${to.snapshot}.`,
    `  ${out}`,
    ...judgements,
  ]
    .map((line) => `${printable(line)}\n`)
    .join('');
}
