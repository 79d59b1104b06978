import { Command, Option } from 'commander';
import type { HistoryOfUsers } from '../../index.ts';
import { ARCHIVE_KNOWS, archiveOption, withHistory } from '../ask-history.ts';
import { outputWidth, writeJson, writeOut } from '../output.ts';
import { withSignals } from '../signals.ts';

interface HistoryOptions {
  readonly archive?: string;
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** `history`: every version and membership of a user. */
export function historyCommand(): Command {
  return new Command('history')
    .description('show every version of a user, every membership, and other profiles of the person')
    .argument('<pool>', "the pool's id, ARN or name")
    .argument('<user>', 'a username, sub or e-mail address, of any version')
    .addOption(
      new Option('--json', 'print one JSON document: {"poolId","users":[…]}').conflicts('csv'),
    )
    .option('--csv', 'print CSV for spreadsheets: a row for each field of each version')
    .addOption(archiveOption())
    .addHelpText('after', ARCHIVE_KNOWS)
    .action((pool: string, user: string, options: HistoryOptions) =>
      withSignals((signal) => runHistory(pool, user, options, signal)),
    );
}

async function runHistory(
  poolId: string,
  user: string,
  { archive, json, csv }: HistoryOptions,
  signal: AbortSignal,
): Promise<void> {
  const found = await withHistory(archive, (history) => history.history(poolId, user, { signal }));
  if (json) return writeJson(found);
  if (csv) return printCsv(found);
  const { formatHistory } = await import('../display/history-text.ts');
  await writeOut(formatHistory(found, outputWidth()));
}

async function printCsv({ users }: HistoryOfUsers): Promise<void> {
  const { HISTORY_CSV, toHistoryRows } = await import('../display/history-text.ts');
  const { formatSpreadsheetLine } = await import('../display/csv.ts');
  const rows = [HISTORY_CSV, ...users.flatMap(toHistoryRows)];
  const isTerminal = process.stdout.isTTY === true;
  await writeOut(rows.map((row) => formatSpreadsheetLine(row, isTerminal)).join(''));
}
