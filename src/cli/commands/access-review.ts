import { Command } from 'commander';
import { printableJson } from '../../common/printable.ts';
import { type At, loadOptions, openArchive, type UseRevocations } from '../../index.ts';
import { archiveOption, withHistory } from '../ask-history.ts';
import type { CheckedRow, RevocationCounts } from '../display/review-text.ts';
import { EXIT } from '../errors.ts';
import { outputWidth, writeOut } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import type { ReviewedFile } from '../review/check-review.ts';
import type { DecidedRow } from '../review/read-review.ts';
import { withSignals } from '../signals.ts';

/** `access-review`: hands memberships to a reviewer, and checks later that decisions were carried out. */
export function accessReviewCommand(): Command {
  return new Command('access-review')
    .description('export memberships for a review, and check that revoked ones are gone')
    .addCommand(exportCommand())
    .addCommand(checkCommand());
}

interface ExportOptions {
  readonly archive?: string;
  readonly at: string;
  readonly out: string;
}

function exportCommand(): Command {
  return new Command('export')
    .description('write the memberships of groups as CSV for a reviewer, with a receipt beside it')
    .argument('<pool>', "the pool's id, ARN or name")
    .argument('[group...]', 'the groups (default: all)')
    .option('--at <point>', 'a snapshot id, a time, latest or previous', 'latest')
    .requiredOption('--out <file>', 'the file to write; it must not exist')
    .addOption(archiveOption())
    .addHelpText(
      'after',
      '\nThe reviewer writes keep or revoke into the column decision. FILE.receipt.json\n' +
        'says what was exported. FILE.receipt.json.sig signs it, if ARCHIVE_SIGNING_KEY\n' +
        'is set.',
    )
    .action((poolId: string, groups: string[], { archive, at, out }: ExportOptions) =>
      withSignals(async (signal) => {
        const { exportReview } = await import('../review/export-review.ts');
        const options = await loadOptions(process.env);
        await withMirror(options, async (mirror) => {
          const history = archive === undefined ? mirror : await openArchive(archive, options);
          await exportReview({ mirror, history }, options, { poolId, groups, at, out }, signal);
        });
      }),
    );
}

function checkCommand(): Command {
  return new Command('check')
    .description('read the decisions of a review, and show whether revoked memberships are gone')
    .argument('<file>', 'the file of export, as a spreadsheet saved it')
    .option(
      '--json',
      'print one JSON document: {"poolId","snapshot","receipt":{…}, "decisions":{…},"revocations":[…],"summary":{…}}',
    )
    .addOption(archiveOption())
    .addHelpText(
      'after',
      '\nExits with 1 if a revoked membership is still there, and with 2 if the file is\n' +
        'malformed, differs from its receipt, or names a membership that never was.',
    )
    .action((file: string, { json = false, archive }: { json?: boolean; archive?: string }) =>
      withSignals((signal) => runCheck(file, { json, archive }, signal)),
    );
}

async function runCheck(
  path: string,
  { json, archive }: { readonly json: boolean; readonly archive: string | undefined },
  signal: AbortSignal,
): Promise<void> {
  const { readReviewedFile, readRevoked } = await import('../review/check-review.ts');
  const file = await readReviewedFile(path, signal);
  const printer = json ? jsonPrinter(file) : await textPrinter(file);
  const counts = { there: 0, gone: 0, unknown: 0 };
  const use: UseRevocations<DecidedRow> = async (newest, batches) => {
    await printer.begin(newest);
    for await (const rows of batches) {
      for (const { state } of rows) counts[state] += 1;
      await printer.rows(rows);
    }
  };
  const { poolId } = file;
  if (poolId === null) {
    await printer.begin(null);
  } else {
    await withHistory(archive, (history) =>
      history.checkRevocations(poolId, readRevoked(path, signal), use, { signal }),
    );
  }
  await printer.end(counts);
  process.exitCode = counts.there > 0 ? EXIT.failed : counts.unknown > 0 ? EXIT.usage : EXIT.done;
}

/** Prints a check: what the file says, the revoked rows as they come, and their counts. */
interface Printer {
  begin(newest: At | null): Promise<void>;
  rows(rows: readonly CheckedRow[]): Promise<void>;
  end(counts: RevocationCounts): Promise<void>;
}

async function textPrinter(file: ReviewedFile): Promise<Printer> {
  const text = await import('../display/review-text.ts');
  const width = outputWidth();
  return {
    begin: (newest) => writeOut(text.formatReviewedFile(file, newest, width)),
    rows: (rows) => writeOut(rows.map((row) => text.formatChecked(row, width)).join('')),
    end: (counts) => writeOut(text.formatRevocationCounts(counts)),
  };
}

function jsonPrinter({ poolId, decisions, receipt }: ReviewedFile): Printer {
  let separator = '\n';
  return {
    begin(newest) {
      const head = {
        poolId,
        snapshot: newest?.snapshot ?? null,
        receipt: receipt && {
          snapshot: receipt.receipt.snapshot,
          exportedAt: receipt.receipt.exportedAt,
          signedBy: receipt.signedBy,
        },
        decisions,
      };
      return writeOut(`${printableJson(head).slice(0, -1)},"revocations":[`);
    },
    async rows(rows) {
      await writeOut(separator + rows.map((row) => printableJson(toRevocation(row))).join(',\n'));
      separator = ',\n';
    },
    end: (counts) =>
      writeOut(`${separator === '\n' ? '' : '\n'}],"summary":${printableJson(counts)}}\n`),
  };
}

function toRevocation(row: CheckedRow): object {
  const { line, groupName, username, memberSince, state, goneSince, backSince } = row;
  return { line, groupName, username, memberSince, state, goneSince, backSince };
}
