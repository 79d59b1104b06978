import { Command, InvalidArgumentError, Option } from 'commander';
import { printableJson } from '../../common/printable.ts';
import {
  type Change,
  type Compared,
  DIFF_FILTERS,
  type Diff,
  type DiffFilter,
  type DiffQuestion,
  type DiffSummary,
  loadOptions,
  type UseChanges,
} from '../../index.ts';
import { archiveOption, withHistory } from '../ask-history.ts';
import { EXIT } from '../errors.ts';
import { outputWidth, writeOut } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { QUICKLY, withSignals } from '../signals.ts';

const NOTHING_PUBLISHED = 'Nothing was published.';

interface DiffOptions {
  readonly only?: readonly DiffFilter[];
  readonly archive?: string;
  readonly group?: string;
  readonly fields?: readonly string[];
  readonly allFields?: boolean;
  readonly redact?: boolean;
  readonly summary?: boolean;
  readonly exitCode?: boolean;
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** `diff`: what changed between two states of a pool: snapshots, a held one, or the live pool. */
export function diffCommand(): Command {
  return new Command('diff')
    .description(
      'show what changed between two snapshots of a pool, what a held one would change, or what is ' +
        'different in the live pool',
    )
    .argument('<pool>', "the pool's id, ARN or name")
    .argument(
      '[from]',
      'a snapshot id, a time, previous or latest (default: previous; latest before held and now)',
    )
    .argument('[to]', 'the same, held, now, or POOL/POINT of another pool (default: latest)')
    .option('--only <what>', `comma-separated: ${DIFF_FILTERS.join(', ')}`, (text: string) =>
      parseFilters(text),
    )
    .option('--group <name>', 'only this group and the users in it, in one of the two snapshots')
    .addOption(
      new Option('--fields <names>', 'only these, comma-separated: columns, attributes, groups')
        .argParser((text) => text.split(','))
        .conflicts('allFields'),
    )
    .option('--all-fields', 'modified_at and mfa_read_at too')
    .option('--redact', 'keys and names of fields, without values')
    .addOption(new Option('--summary', 'print the counts alone').conflicts('csv'))
    .option('--exit-code', 'exit with 1 if they differ')
    .addOption(
      new Option(
        '--json',
        'print one JSON document: {"poolId","from","to","changes":[…],"summary":{…}}',
      ).conflicts('csv'),
    )
    .option('--csv', 'print CSV for spreadsheets: a row for each field, with its old and new value')
    .addOption(archiveOption())
    .addHelpText(
      'after',
      '\nA time is a date, or a date and a time, in UTC unless it ends with an offset. It\n' +
        'means the last snapshot at or before it. The counts are of what is shown.\n\n' +
        'held is what a held snapshot would publish. now reads the pool as sync does,\n' +
        'within the quota, and publishes nothing.\n\n' +
        'POOL/POINT compares with another pool by username, as after a restore. The sub\n' +
        'and dates of users differ there and are not shown without --all-fields.',
    )
    .action((pool: string, first?: string, second?: string, options: DiffOptions = {}) => {
      const points = orderPoints(first, second);
      const stop = points.to === 'now' ? { ...QUICKLY, outcome: () => NOTHING_PUBLISHED } : QUICKLY;
      return withSignals((signal) => runDiff(pool, { ...options, ...points }, signal), stop);
    });
}

/** `held`, `now` or another pool alone is the later state. */
function orderPoints(first?: string, second?: string): Pick<DiffQuestion, 'from' | 'to'> {
  const isLater =
    second === undefined && (first === 'held' || first === 'now' || first?.includes('/'));
  return isLater ? { to: first } : { from: first, to: second };
}

/** @throws InvalidArgumentError if a word is none of the filters */
function parseFilters(text: string): DiffFilter[] {
  const words = text.split(',');
  const known: readonly string[] = DIFF_FILTERS;
  if (words.every((word) => known.includes(word))) return words as DiffFilter[];
  const memberships = words.includes('memberships')
    ? ' Memberships are shown with their users: --only users --fields groups shows them alone.'
    : '';
  throw new InvalidArgumentError(
    `Give some of ${known.join(', ')}, separated by commas.${memberships}`,
  );
}

async function runDiff(
  poolId: string,
  options: DiffOptions & DiffQuestion,
  signal: AbortSignal,
): Promise<void> {
  const printer = await choosePrinter(options);
  // Until this is known: the reader of the output may close it early.
  if (options.exitCode) process.exitCode = EXIT.failed;
  const { only, group, fields, allFields, redact, from, to } = options;
  const question = { only, group, fields, allFields, redact, from, to };
  const { archive } = options;
  const result =
    to === 'now' && archive === undefined
      ? await withMirror(await loadOptions(process.env), async (mirror) => {
          const { diffLive } = await import('../diff-live.ts');
          return diffLive(mirror, poolId, printer.use, question, signal);
        })
      : await withHistory(archive, (history) =>
          history.diff(poolId, printer.use, { ...question, signal }),
        );
  await printer.end(result);
  process.exitCode = options.exitCode && isDifferent(result.summary) ? EXIT.failed : EXIT.done;
}

function isDifferent({ users, groups, memberships, settings }: DiffSummary): boolean {
  const counts = [users, groups, memberships, settings ?? {}].flatMap((each) =>
    Object.values<number>(each),
  );
  return counts.some((count) => count > 0);
}

/** Prints a comparison: its changes as they come, and its end. */
interface Printer {
  readonly use: UseChanges;
  end(result: Diff): Promise<void>;
}

async function choosePrinter({ json, csv, summary = false }: DiffOptions): Promise<Printer> {
  const text = await import('../display/diff-text.ts');
  if (json) return jsonPrinter(summary);
  if (csv) return csvPrinter(text);
  const width = outputWidth();
  return {
    async use(compared, batches) {
      await writeOut(text.formatCompared(compared, width));
      await forEachChanges(batches, (changes) =>
        summary ? null : writeOut(text.formatChanges(changes, width)),
      );
    },
    async end(result) {
      await writeOut(`${summary ? '' : '\n'}${text.formatSummary(result.summary)}`);
      if (result.to === 'now' || result.reason === undefined) return;
      const { formatChoices } = await import('../display/snapshot-summary.ts');
      await writeOut(`\n${formatChoices(result.poolId, result.to).join('\n')}\n`);
    },
  };
}

/** The summary follows the changes, because they are counted as they are printed. */
function jsonPrinter(isSummary: boolean): Printer {
  const open = (compared: Compared) => printableJson(compared).slice(0, -1);
  return {
    async use(compared, batches) {
      let separator = ',"changes":[\n';
      await writeOut(open(compared));
      await forEachChanges(batches, async (changes) => {
        if (isSummary) return;
        await writeOut(separator + changes.map((change) => printableJson(change)).join(',\n'));
        separator = ',\n';
      });
      if (!isSummary) await writeOut(separator === ',\n' ? '\n]' : ',"changes":[]');
    },
    end: ({ summary }) => writeOut(`,"summary":${printableJson(summary)}}\n`),
  };
}

async function csvPrinter({
  DIFF_CSV,
  toCsvRows,
}: typeof import('../display/diff-text.ts')): Promise<Printer> {
  const { formatSpreadsheetLine } = await import('../display/csv.ts');
  const line = (row: readonly (string | null)[]) =>
    formatSpreadsheetLine(row, process.stdout.isTTY === true);
  return {
    async use(_, batches) {
      await writeOut(line(DIFF_CSV));
      await forEachChanges(batches, (changes) =>
        writeOut(changes.flatMap(toCsvRows).map(line).join('')),
      );
    },
    async end() {},
  };
}

async function forEachChanges(
  batches: AsyncIterable<readonly Change[]>,
  print: (changes: readonly Change[]) => Promise<void> | null | undefined,
): Promise<void> {
  for await (const changes of batches) {
    if (changes.length > 0) await print(changes);
  }
}
