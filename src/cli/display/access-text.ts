import { formatTimestamp } from '../../common/format.ts';
import { printable } from '../../common/printable.ts';
import type {
  EffectiveRole,
  GroupAccess,
  Member,
  MembershipThen,
  UserAccess,
  UsersAccess,
} from '../../index.ts';
import { chooseColumns, type FittedColumn, formatTable, Table } from './table.ts';
import { truncate, wrap } from './text-width.ts';

/** A group, in lines of at most `width` columns. */
export function formatGroup({ poolId, snapshot, group }: GroupAccess, width: number): string {
  const { groupName, roleArn, precedence, description } = group;
  const words = [
    roleArn === null ? 'no role' : `role ${roleArn}`,
    precedence === null ? 'no precedence' : `precedence ${precedence}`,
    ...(description ? [description] : []),
  ];
  const head = `${poolId}  group ${printable(groupName)} at ${snapshot}`;
  const lines = [truncate(head, width), ...wrap('  ', printable(words.join(', ')), width)];
  return lines.map((line) => `${line}\n`).join('');
}

const MEMBER_COLUMNS: readonly FittedColumn<Member>[] = [
  { name: 'username', weight: 9, text: ({ username }) => printable(username) },
  { name: 'email', weight: 8, text: ({ email }) => printable(email ?? '') },
  { name: 'status', weight: 4, text: ({ status }) => printable(status ?? '') },
  { name: 'enabled', weight: 5, text: ({ enabled }) => formatBoolean(enabled) },
  { name: 'member since', weight: 6, text: ({ memberSince }) => formatTimestamp(memberSince) },
  { name: 'role', weight: 7, text: ({ role }) => printable(formatRoleName(role)) },
];

/** The members of a group as a table whose rows come in batches. The first decides the columns. */
export class MembersTable {
  #table: { readonly columns: readonly FittedColumn<Member>[]; readonly table: Table } | null =
    null;
  readonly #width: number;

  constructor(width: number) {
    this.#width = width;
  }

  add(members: readonly Member[]): string {
    const isFirst = this.#table === null;
    const columns = this.#table?.columns ?? chooseColumns(MEMBER_COLUMNS, members, this.#width);
    const rows = members.map((member) => columns.map((column) => column.text(member)));
    this.#table ??= { columns, table: new Table(columns, rows, this.#width) };
    const { table } = this.#table;
    return (isFirst ? table.header : '') + table.rows(rows);
  }

  /** The columns that do not fit, in a sentence; empty if all do. */
  get hidden(): string {
    return describeHidden(MEMBER_COLUMNS, this.#table?.columns ?? MEMBER_COLUMNS, this.#width);
  }
}

function describeHidden<Column extends { readonly name: string }>(
  columns: readonly Column[],
  shown: readonly Column[],
  width: number,
): string {
  const names = columns.filter((column) => !shown.includes(column)).map(({ name }) => name);
  if (names.length === 0) return '';
  const sentence = `Hidden at ${width} columns: ${names.join(', ')}. --csv shows all.`;
  return wrap('', sentence, width)
    .map((line) => `${line}\n`)
    .join('');
}

/** What users had, in lines of at most `width` columns. */
export function formatUsers({ poolId, snapshot, users }: UsersAccess, width: number): string {
  // One choice for all users, so that each shows the same.
  const groups = users.flatMap((user) => user.groups);
  const columns = chooseColumns(GROUP_COLUMNS, groups, width - INDENT.length);
  const blocks = users.map((user) => formatUser(user, columns, width));
  const text = [[`${poolId} at ${snapshot}`], ...blocks]
    .map((lines) => lines.map((line) => `${line}\n`).join(''))
    .join('\n');
  return text + describeHidden(GROUP_COLUMNS, columns, width);
}

const INDENT = '  ';

const GROUP_COLUMNS: readonly FittedColumn<MembershipThen>[] = [
  { name: 'group', weight: 4, text: ({ groupName }) => printable(groupName) },
  {
    name: 'precedence',
    weight: 2,
    align: 'right',
    text: ({ precedence }) => String(precedence ?? ''),
  },
  { name: 'member since', weight: 1, text: ({ memberSince }) => formatTimestamp(memberSince) },
  { name: 'role', weight: 3, text: ({ roleArn }) => printable(roleArn ?? '') },
];

function formatUser(
  { groups, role, ...user }: UserAccess,
  columns: readonly FittedColumn<MembershipThen>[],
  width: number,
): string[] {
  const words = [
    ...(user.email === null ? [] : [user.email]),
    ...(user.status === null ? [] : [user.status]),
    ...(user.enabled === null ? [] : [user.enabled ? 'enabled' : 'disabled']),
  ];
  return [
    truncate(printable(`${user.username}  sub ${user.sub ?? '(none)'}`), width),
    ...(words.length === 0 ? [] : wrap(INDENT, printable(words.join(', ')), width)),
    ...wrap(INDENT, printable(describeRole(role)), width),
    ...(groups.length === 0
      ? [`${INDENT}in no group`]
      : formatTable(columns, groups, width - INDENT.length).map((line) => INDENT + line)),
  ];
}

/** The role in a sentence, with the groups that decide. */
function describeRole(role: EffectiveRole): string {
  const names = role.groups.map(({ groupName }) => groupName);
  if (role.roleArn !== null) return `role: ${role.roleArn}, from ${names.join(', ')}`;
  if (names.length === 0) return 'role: none';
  return `role: none, because these groups tie with different roles: ${names.join(', ')}`;
}

/** The name of the role without its account, or the groups that tie. */
function formatRoleName({ roleArn, groups }: EffectiveRole): string {
  if (roleArn !== null) return roleArn.replace(/^arn:[\w-]+:iam::\d*:role\//, '');
  if (groups.length === 0) return '';
  return `tie: ${groups.map(({ groupName }) => groupName).join(', ')}`;
}

/** The ARN, or the groups that tie, for CSV. */
export function toRoleField({ roleArn, groups }: EffectiveRole): string | null {
  if (roleArn !== null || groups.length === 0) return roleArn;
  return `tie: ${groups.map(({ groupName }) => groupName).join(', ')}`;
}

function formatBoolean(value: boolean | null): string {
  return value === null ? '' : value ? 'yes' : 'no';
}

/** The columns of `access --csv` for a group. */
export const MEMBERS_CSV = [
  ...(['group', 'username', 'sub', 'name', 'email', 'status', 'enabled'] as const),
  ...(['member_since', 'role'] as const),
];

export function toMemberRow(groupName: string, member: Member): (string | null)[] {
  const { username, sub, name, email, status, enabled, memberSince, role } = member;
  return [
    ...[groupName, username, sub, name, email, status, enabled === null ? null : String(enabled)],
    ...[memberSince.toISOString(), toRoleField(role)],
  ];
}

/** The columns of `access --csv` for a user. */
export const GROUPS_CSV = [
  ...(['username', 'sub', 'group', 'precedence', 'group_role'] as const),
  ...(['member_since', 'role'] as const),
];

/** A user in rows of CSV: one for each group, or one without a group. */
export function toGroupRows({ username, sub, groups, role }: UserAccess): (string | null)[][] {
  const effective = toRoleField(role);
  if (groups.length === 0) return [[username, sub, null, null, null, null, effective]];
  return groups.map(({ groupName, precedence, roleArn, memberSince }) => [
    ...[username, sub, groupName, precedence === null ? null : String(precedence), roleArn],
    ...[memberSince.toISOString(), effective],
  ]);
}
