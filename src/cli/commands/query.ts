import { text } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import { formatCsvLine } from '../../common/csv.ts';
import { printableJson } from '../../common/printable.ts';
import { ActionRequiredError, loadOptions, type QueryColumn } from '../../index.ts';
import { formatPrintableCsvLine } from '../display/csv.ts';
import type { Batches } from '../display/query-result.ts';
import { writeOut } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { withSignals } from '../signals.ts';

interface QueryOptions {
  readonly json?: boolean;
  readonly csv?: boolean;
}

/**
 * The arguments of the program, with a statement that begins with a comment behind `--`: else its
 * two dashes would make it an option. No option holds white space.
 */
export function withStatement(args: readonly string[]): string[] {
  const [command, ...rest] = args;
  const isStatement = (arg: string) => /^--.*\s/s.test(arg);
  if (command !== 'query' || rest.includes('--') || !rest.some(isStatement)) return [...args];
  return [
    command,
    ...rest.filter((arg) => !isStatement(arg)),
    '--',
    ...rest.filter((arg) => isStatement(arg)),
  ];
}

/** `query`: runs read-only SQL against the mirror. */
export function queryCommand(): Command {
  return new Command('query')
    .description('run one read-only SQL statement against the mirror and print its rows')
    .argument('<sql>', 'a statement, in quotes, or - to read it from standard input')
    .addOption(new Option('--json', 'print one JSON array of objects').conflicts('csv'))
    .option('--csv', 'print CSV (RFC 4180), with a header; NULL is empty, empty text is ""')
    .addHelpText(
      'after',
      '\nSchema directory comes first in the search path: `users` is `directory.users`.\n' +
        'Without an option it prints a table, cut to the width of the terminal. Values\n' +
        'in CSV stay as they are: = + - or @ at the start is a formula to a spreadsheet.',
    )
    .action((sql: string, options: QueryOptions) =>
      withSignals((signal) => runQuery(sql, options, signal)),
    );
}

async function runQuery(sql: string, options: QueryOptions, signal: AbortSignal): Promise<void> {
  const { printTable } = await import('../display/query-result.ts');
  const print = options.json ? printJson : options.csv ? printCsv : printTable;
  const loaded = await loadOptions(process.env);
  const statement = sql === '-' ? await text(process.stdin) : sql;
  await withMirror(loaded, (mirror) => mirror.query(statement, print, { signal }));
}

async function printJson(columns: readonly QueryColumn[], batches: Batches): Promise<void> {
  const names = columns.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new ActionRequiredError([
      {
        subject: 'query',
        problem: `two columns are named "${twice}", and JSON objects need different names.`,
        remedy: 'Rename one with AS.',
      },
    ]);
  }
  let separator = '[';
  for await (const rows of batches) {
    const objects = rows.map((row) =>
      printableJson(
        Object.fromEntries(
          columns.map((column, i) => [column.name, column.toJson(row[i] ?? null)]),
        ),
      ),
    );
    await writeOut(`${separator}${objects.join(',\n ')}`);
    separator = ',\n ';
  }
  await writeOut(separator === '[' ? '[]\n' : ']\n');
}

async function printCsv(columns: readonly QueryColumn[], batches: Batches): Promise<void> {
  const { formatCells } = await import('../display/query-result.ts');
  const line = process.stdout.isTTY ? formatPrintableCsvLine : formatCsvLine;
  await writeOut(line(columns.map(({ name }) => name)));
  for await (const rows of batches) {
    await writeOut(rows.map((row) => line(formatCells(columns, row))).join(''));
  }
}
