import { Command, Option } from 'commander';
import { printableJson } from '../../common/printable.ts';
import { counted } from '../../common/text.ts';
import {
  ActionRequiredError,
  type GroupAccess,
  type HistoryQuestions,
  type Member,
  type UseMembers,
} from '../../index.ts';
import { archiveOption, withHistory } from '../ask-history.ts';
import { outputWidth, writeJson, writeOut } from '../output.ts';
import { withSignals } from '../signals.ts';

interface AccessOptions {
  readonly user?: string;
  readonly at: string;
  readonly archive?: string;
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** `access`: who is in a group, or what a user has, now or at an earlier time. */
export function accessCommand(): Command {
  return new Command('access')
    .description('show who is in a group, or the groups and the role of a user, now or at a time')
    .argument('<pool>', "the pool's id, ARN or name")
    .argument('[group]', 'the group')
    .option('--user <user>', 'instead of a group: a username, sub or e-mail address')
    .option('--at <point>', 'a snapshot id, a time, latest or previous', 'latest')
    .addOption(
      new Option(
        '--json',
        'print one JSON document: {"poolId","snapshot","group":{…},"members":[…]}, or with "users":[…]',
      ).conflicts('csv'),
    )
    .option('--csv', 'print CSV for spreadsheets')
    .addOption(archiveOption())
    .addHelpText(
      'after',
      '\nThe role of a user is that of the group with the lowest precedence value. Groups\n' +
        'that tie there with different roles give no role, and are named.',
    )
    .action((pool: string, group: string | undefined, options: AccessOptions) =>
      withSignals((signal) => runAccess(pool, group, options, signal)),
    );
}

async function runAccess(
  poolId: string,
  group: string | undefined,
  options: AccessOptions,
  signal: AbortSignal,
): Promise<void> {
  const { user } = options;
  if ((group === undefined) === (user === undefined)) {
    const problem =
      group === undefined ? 'a group or --user is missing.' : 'a group and --user were given.';
    const remedy = 'Give one of them: `access POOL GROUP` or `access POOL --user USER`.';
    throw ActionRequiredError.of('access', problem, remedy);
  }
  await withHistory(options.archive, (history) =>
    user === undefined
      ? printGroup(history, poolId, group as string, { ...options, signal })
      : printUsers(history, poolId, user, { ...options, signal }),
  );
}

type Printing = AccessOptions & { readonly signal: AbortSignal };

async function printUsers(
  history: HistoryQuestions,
  poolId: string,
  user: string,
  { at, signal, json, csv }: Printing,
): Promise<void> {
  const found = await history.accessOfUser(poolId, user, { at, signal });
  if (json) return writeJson(found);
  const { formatUsers, GROUPS_CSV, toGroupRows } = await import('../display/access-text.ts');
  if (!csv) return writeOut(formatUsers(found, outputWidth()));
  const line = await csvLine();
  await writeOut([GROUPS_CSV, ...found.users.flatMap(toGroupRows)].map(line).join(''));
}

async function printGroup(
  history: HistoryQuestions,
  poolId: string,
  groupName: string,
  { at, signal, json, csv }: Printing,
): Promise<void> {
  const print = json ? printGroupJson : csv ? printGroupCsv : printGroupText;
  await history.accessOfGroup(poolId, groupName, print, { at, signal });
}

const printGroupJson: UseMembers = async (access, batches) => {
  await writeOut(`${printableJson(access).slice(0, -1)},"members":[`);
  let separator = '\n';
  for await (const members of batches) {
    await writeOut(separator + members.map((member) => printableJson(member)).join(',\n'));
    separator = ',\n';
  }
  await writeOut(separator === '\n' ? ']}\n' : '\n]}\n');
};

const printGroupCsv: UseMembers = async ({ group }, batches) => {
  const { MEMBERS_CSV, toMemberRow } = await import('../display/access-text.ts');
  const line = await csvLine();
  await writeOut(line(MEMBERS_CSV));
  for await (const members of batches) {
    const rows = members.map((member) => line(toMemberRow(group.groupName, member)));
    await writeOut(rows.join(''));
  }
};

async function printGroupText(
  access: GroupAccess,
  batches: AsyncIterable<readonly Member[]>,
): Promise<void> {
  const { formatGroup, MembersTable } = await import('../display/access-text.ts');
  const width = outputWidth();
  const table = new MembersTable(width);
  let count = 0;
  await writeOut(formatGroup(access, width));
  for await (const members of batches) {
    await writeOut((count === 0 ? '\n' : '') + table.add(members));
    count += members.length;
  }
  await writeOut(`(${counted(count, 'member')})\n${table.hidden}`);
}

async function csvLine(): Promise<(row: readonly (string | null)[]) => string> {
  const { formatSpreadsheetLine } = await import('../display/csv.ts');
  const isTerminal = process.stdout.isTTY === true;
  return (row) => formatSpreadsheetLine(row, isTerminal);
}
