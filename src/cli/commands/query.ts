import { Command, Option } from 'commander';
import { ConfigurationError } from '../../model/errors.ts';
import type { ResultColumn } from '../../postgres/read-only.ts';
import { printableJson } from '../../telemetry/printable.ts';
import { csvLine, shownCsvLine } from '../display/csv.ts';
import type { Batches } from '../display/result-table.ts';
import { writeOut } from '../output.ts';
import { withSignals } from '../signals.ts';

interface QueryOptions {
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** `query`: runs read-only SQL against the mirror. */
export function queryCommand(): Command {
  return new Command('query')
    .description('run one read-only SQL statement against the mirror and print its rows')
    .argument('<sql>', 'such as "SELECT username, email FROM directory.users LIMIT 10"')
    .addOption(new Option('--json', 'print one JSON array of objects').conflicts('csv'))
    .option('--csv', 'print CSV (RFC 4180), with a header; NULL is empty, empty text is ""')
    .addHelpText(
      'after',
      '\nWithout an option the rows are laid out as a table, cut to the width of the terminal.\n' +
        'Values in CSV are as they are: one that begins with = + - or @ is a formula to a spreadsheet.',
    )
    .action((sql: string, options: QueryOptions) =>
      withSignals((signal) => runQuery(sql, options, signal)),
    );
}

async function runQuery(sql: string, options: QueryOptions, signal: AbortSignal): Promise<void> {
  const { loadConfig } = await import('../../config/load-config.ts');
  const { openDatabase } = await import('../../postgres/database.ts');
  const { queryReadOnly } = await import('../../postgres/read-only.ts');
  const { printTable } = await import('../display/result-table.ts');
  const print = options.json ? printJson : options.csv ? printCsv : printTable;
  const database = await openDatabase(loadConfig(process.env), signal);
  try {
    await queryReadOnly(database.url, sql, print, signal);
  } finally {
    await database.close();
  }
}

async function printJson(columns: readonly ResultColumn[], batches: Batches): Promise<void> {
  const { toJson } = await import('../../postgres/result-values.ts');
  const names = columns.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new ConfigurationError([
      {
        subject: 'query',
        problem: `two columns are named "${twice}", and an object can hold but one.`,
        remedy: 'Name them apart with AS.',
      },
    ]);
  }
  let separator = '[';
  for await (const rows of batches) {
    const objects = rows.map((row) =>
      printableJson(
        Object.fromEntries(
          columns.map((column, i) => [column.name, toJson(column, row[i] ?? null)]),
        ),
      ),
    );
    await writeOut(`${separator}${objects.join(',\n ')}`);
    separator = ',\n ';
  }
  await writeOut(separator === '[' ? '[]\n' : ']\n');
}

async function printCsv(columns: readonly ResultColumn[], batches: Batches): Promise<void> {
  const { textsOf } = await import('../display/result-table.ts');
  const line = process.stdout.isTTY ? shownCsvLine : csvLine;
  await writeOut(line(columns.map(({ name }) => name)));
  for await (const rows of batches) {
    await writeOut(rows.map((row) => line(textsOf(columns, row))).join(''));
  }
}
