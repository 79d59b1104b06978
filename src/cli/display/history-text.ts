import { formatTimestamp } from '../../common/format.ts';
import { printable } from '../../common/printable.ts';
import type { FieldValue, HistoryOfUsers, Period, UserHistory, UserVersion } from '../../index.ts';
import { formatValue, toCsvValue } from './diff-text.ts';
import { MARKS, measureWidth, truncate } from './text-width.ts';

/** The histories of users as text in lines of at most `width` columns. */
export function formatHistory({ users }: HistoryOfUsers, width: number): string {
  return users
    .map((user) =>
      formatUser(user)
        .map((line) => `${truncate(line, width)}\n`)
        .join(''),
    )
    .join('\n');
}

function formatUser({ username, sub, versions, memberships, linked }: UserHistory): string[] {
  return [
    `${printable(username)}  sub ${formatValue(sub)}`,
    ...versions.flatMap((version, index) => formatVersion(version, versions[index - 1])),
    ...section('memberships', memberships, ({ groupName }) => printable(groupName)),
    ...section(
      'other profiles of the same person',
      linked,
      (profile) => `${printable(profile.username)}  sub ${formatValue(profile.sub)}`,
    ),
  ];
}

/** All fields of the first version, and of a later one those that differ from the one before. */
function formatVersion(version: UserVersion, before: UserVersion | undefined): string[] {
  const old = new Map(Object.entries(before?.fields ?? {}));
  const now = new Map(Object.entries(version.fields));
  const names = [...new Set([...old.keys(), ...now.keys()])]
    .filter((name) => name !== 'sub' && !isSame(old.get(name), now.get(name)))
    .sort();
  const room = Math.max(0, ...names.map((name) => measureWidth(printable(name))));
  return [
    `  ${formatPeriod(version)}`,
    ...names.map((name) => {
      const label = printable(name);
      const value = formatValue(now.get(name) ?? null);
      const change =
        before === undefined
          ? value
          : `${formatValue(old.get(name) ?? null)} ${MARKS.arrow} ${value}`;
      return `    ${label}${' '.repeat(room - measureWidth(label))}  ${change}`;
    }),
  ];
}

function isSame(a: FieldValue | undefined, b: FieldValue | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function section<T extends Period>(
  title: string,
  items: readonly T[],
  name: (item: T) => string,
): string[] {
  if (items.length === 0) return [];
  return [`  ${title}`, ...items.map((item) => `    ${formatPeriod(item)}  ${name(item)}`)];
}

/** Such as `2026-11-20T02:00:00Z to 2026-11-22T02:00:00Z`: the end is the first snapshot without it. */
function formatPeriod({ validFrom, validTo }: Period): string {
  const end = validTo === null ? 'now' : formatTimestamp(validTo);
  return `${formatTimestamp(validFrom)} to ${end.padEnd(20)}`.trimEnd();
}

/** The columns of `history --csv`. */
export const HISTORY_CSV = [
  ...(['username', 'sub', 'valid_from', 'valid_to'] as const),
  ...(['kind', 'name', 'value'] as const),
];

/** A history in rows of CSV: one for each field of a version, each membership and each other profile. */
export function toHistoryRows({ username, sub, versions, memberships, linked }: UserHistory) {
  const row = (
    { validFrom, validTo }: Period,
    kind: 'field' | 'membership' | 'profile',
    name: string,
    value: string | null,
  ) => [username, sub, toTime(validFrom), validTo && toTime(validTo), kind, name, value];
  return [
    ...versions.flatMap((version) =>
      Object.entries(version.fields).map(([name, value]) =>
        row(version, 'field', name, toCsvValue(value)),
      ),
    ),
    ...memberships.map((each) => row(each, 'membership', each.groupName, null)),
    ...linked.map((each) => row(each, 'profile', each.username, each.sub)),
  ];
}

const toTime = (time: Date) => time.toISOString();
