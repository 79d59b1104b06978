import { formatTimestamp } from '../../common/format.ts';
import { printable } from '../../common/printable.ts';
import { counted, formatCount } from '../../common/text.ts';
import type { Change, Compared, DiffSummary, FieldChange, FieldValue } from '../../index.ts';
import { MARKS, measureWidth, truncate, wrap } from './text-width.ts';

/** The two states that are compared, and what is special about the later one. */
export function formatCompared(compared: Compared, width: number): string {
  const { poolId, from, to, beganAt, endedAt, reason } = compared;
  const lines = [`${poolId}  ${from ?? '(nothing)'} ${MARKS.arrow} ${to}`];
  if (beganAt !== undefined && endedAt !== undefined) {
    lines.push(
      `  read from ${formatTimestamp(beganAt)} to ${formatTimestamp(endedAt)}`,
      '  nothing was published',
    );
    if (reason) lines.push(...wrap('  ', `sync would hold it: ${printable(reason)}`, width));
  } else if (reason) {
    lines.push(...wrap('  ', `held: ${printable(reason)}`, width));
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** Changes as text in lines of at most `width` columns: a line for each, and its details below. */
export function formatChanges(changes: readonly Change[], width: number): string {
  return changes
    .flatMap((change) => [describeChange(change), ...formatDetails(change, width)])
    .map((line) => `${truncate(line, width)}\n`)
    .join('');
}

/** The counts of what was shown, in a line for each entity. */
export function formatSummary({ users, groups, memberships, settings }: DiffSummary): string {
  const line = (name: string, counts: Readonly<Record<string, number>>) =>
    `${name}: ${Object.entries(counts)
      .map(([kind, count]) => `${formatCount(count)} ${kind}`)
      .join(', ')}\n`;
  return (
    line('users', users) +
    line('groups', groups) +
    line('memberships', memberships) +
    (settings ? line('settings', settings) : '') +
    (settings === null ? 'settings: not compared, because one of the two keeps none\n' : '')
  );
}

const KIND_WIDTH = 'modified'.length;

function describeChange(change: Change): string {
  const kind = change.kind.padEnd(KIND_WIDTH);
  if (change.entity === 'group') return `group ${kind}  ${printable(change.groupName)}`;
  if (change.entity === 'setting') return `setting ${kind}  ${printable(change.part)}`;
  const name = `user  ${kind}  ${printable(change.username)}`;
  const words = describeUser(change.kind, change.fields);
  return words === '' ? name : `${name}  ${words}`;
}

/** Enough to recognise a user who came or left; of a replaced one, both persons. */
function describeUser(kind: Change['kind'], fields: Readonly<Record<string, FieldChange>>): string {
  const own = (name: string) => (Object.hasOwn(fields, name) ? fields[name] : undefined);
  if (kind === 'replaced') return describeValues('another person: sub', own('sub'));
  if (kind === 'modified') return '';
  const values = ['email', 'status'].map((name) => {
    const { from, to } = own(name) ?? {};
    return kind === 'added' ? to : from;
  });
  return values.flatMap((value) => (value == null ? [] : formatValue(value))).join(', ');
}

function describeValues(label: string, { from, to }: FieldChange = {}): string {
  if (from === undefined || to === undefined) return label.replace(/: .*/, '');
  return `${label} ${formatValue(from)} ${MARKS.arrow} ${formatValue(to)}`;
}

const INDENT = '    ';

function formatDetails(change: Change, width: number): string[] {
  const lines =
    change.kind === 'modified' || change.kind === 'replaced' ? formatFields(change, width) : [];
  if (change.entity !== 'user') return lines;
  const { added, removed } = change.groups;
  const list = (verb: string, names: readonly string[]) =>
    names.length === 0
      ? []
      : [`${INDENT}${verb} ${counted(names.length, 'group')}: ${names.map(printable).join(', ')}`];
  return [...lines, ...list('joined', added), ...list('left', removed)];
}

function formatFields({ kind, fields }: Change, width: number): string[] {
  const shown = Object.entries(fields).filter(([name]) => !(kind === 'replaced' && name === 'sub'));
  if (shown.every(([, { to }]) => to === undefined)) {
    const names = shown.map(([name]) => printable(name)).join(', ');
    return names === '' ? [] : [`${INDENT}changed: ${names}`];
  }
  const room = Math.max(...shown.map(([name]) => measureWidth(printable(name))));
  return shown.flatMap(([name, { from = null, to = null }]) => {
    const label = INDENT + printable(name) + ' '.repeat(room - measureWidth(printable(name)));
    const [old, now] = [formatValue(from), formatValue(to)];
    const line = `${label}  ${old} ${MARKS.arrow} ${now}`;
    if (measureWidth(line) <= width) return [line];
    // Cut in the middle, a long value would hide the other one.
    const below = ' '.repeat(measureWidth(label) + 2 - measureWidth(MARKS.arrow) - 1);
    return [`${label}  ${old}`, `${below}${MARKS.arrow} ${now}`];
  });
}

/** A value of a column or an attribute in a line. */
export function formatValue(value: FieldValue): string {
  if (value === null) return '(none)';
  return printable(typeof value === 'string' ? value : JSON.stringify(value));
}

/** The columns of `diff --csv`. */
export const DIFF_CSV = ['entity', 'kind', 'name', 'sub', 'field', 'from', 'to'] as const;

/** A change in rows of CSV: one for each field, and one for each group that a user joined or left. */
export function toCsvRows(change: Change): (string | null)[][] {
  const isUser = change.entity === 'user';
  const key = [change.entity, change.kind, nameOf(change), isUser ? change.sub : null];
  const rows = Object.entries(change.fields).map(([name, { from = null, to = null }]) => [
    ...key,
    name,
    toCsvValue(from),
    toCsvValue(to),
  ]);
  if (isUser) {
    for (const name of change.groups.removed) rows.push([...key, 'groups', name, null]);
    for (const name of change.groups.added) rows.push([...key, 'groups', null, name]);
  }
  return rows.length > 0 ? rows : [[...key, null, null, null]];
}

function nameOf(change: Change): string {
  if (change.entity === 'user') return change.username;
  return change.entity === 'group' ? change.groupName : change.part;
}

/** A value of a column or an attribute as a field of CSV. */
export function toCsvValue(value: FieldValue): string | null {
  return value === null || typeof value === 'string' ? value : JSON.stringify(value);
}
