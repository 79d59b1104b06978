import type { Group } from '../../src/model/directory.ts';
import { columnsOf } from '../support/directory.ts';
import type { DrawnUser, State } from './drawn-pool.ts';
import { compareText, groupsOf } from './model.ts';

export type Row = Readonly<Record<string, unknown>>;

/** The rows of a plain model's state, by dataset, in the archive's columns and order. */
export interface Rows {
  readonly users: readonly Row[];
  readonly groups: readonly Row[];
  readonly memberships: readonly Row[];
}

export const KEYS = {
  users: ['username'],
  groups: ['group_name'],
  memberships: ['group_name', 'username'],
} as const;

/** A row's key. Keys compare as the archive's order does. */
export const keyOf = (dataset: keyof Rows, row: Row) =>
  KEYS[dataset].map((name) => row[name]).join('\0');

export function rowsOf(state: State): Rows {
  const sorted = (dataset: keyof Rows, rows: Row[]) =>
    rows.sort((a, b) => compareText(keyOf(dataset, a), keyOf(dataset, b)));
  const memberships = state.groups.flatMap(({ groupName }) =>
    (state.members[groupName] ?? []).map(({ username, sub }) => ({
      group_name: groupName,
      username,
      sub,
    })),
  );
  return {
    users: sorted(
      'users',
      state.users.map((user) => userRow(user, groupsOf(state, user))),
    ),
    groups: sorted('groups', state.groups.map(groupRow)),
    memberships: sorted('memberships', memberships),
  };
}

function userRow(user: DrawnUser, groups: string[]): Row {
  const options = user.mfaOptions.map(({ deliveryMedium, attributeName }) => ({
    DeliveryMedium: deliveryMedium,
    AttributeName: attributeName,
  }));
  return {
    username: user.username,
    ...columnsOf(new Map(Object.entries(user.attributes))),
    sub: user.sub,
    status: user.status,
    enabled: user.enabled,
    created_at: user.createdAt?.toISOString() ?? null,
    modified_at: user.modifiedAt?.toISOString() ?? null,
    attributes: user.attributes,
    mfa_options: options.length > 0 ? options : null,
    escaped: [],
    groups,
    mfa_settings: user.mfa?.settings ?? null,
    preferred_mfa: user.mfa?.preferred ?? null,
    mfa_read_at: user.mfa?.readAt?.toISOString() ?? null,
  };
}

function groupRow(group: Group): Row {
  return {
    group_name: group.groupName,
    description: group.description,
    role_arn: group.roleArn,
    precedence: group.precedence,
    created_at: group.createdAt?.toISOString() ?? null,
    modified_at: group.modifiedAt?.toISOString() ?? null,
    escaped: [],
  };
}

/** A row of users without what the memberships say. */
export const withoutGroups = ({ groups: _, ...row }: Row): Row => row;

/** The rows of `changes` between two states. */
export function changeRows(before: Rows, after: Rows, since: string): Row[] {
  return (['users', 'groups', 'memberships'] as const).flatMap((dataset) => {
    const byKey = (rows: Rows) =>
      new Map(rows[dataset].map((row) => [keyOf(dataset, row), withoutGroups(row)]));
    const [old, now] = [byKey(before), byKey(after)];
    return [...new Set([...old.keys(), ...now.keys()])].sort(compareText).flatMap((key) => {
      const [was, is] = [old.get(key) ?? null, now.get(key) ?? null];
      const replaced = was !== null && is !== null && was['sub'] !== is['sub'];
      const row = (kind: string, from: Row | null, to: Row | null, changed: string[] = []) => ({
        entity: dataset.slice(0, -1),
        kind,
        username: null,
        sub: null,
        group_name: null,
        ...pick(to ?? from ?? {}, ['username', 'sub', 'group_name']),
        replaced,
        since,
        changed,
        before: from,
        after: to,
      });
      if (replaced) return [row('removed', was, null), row('added', null, is)];
      if (was === null) return [row('added', null, is)];
      if (is === null) return [row('removed', was, null)];
      const changed = differing(was, is);
      return changed.length > 0 ? [row('modified', was, is, changed)] : [];
    });
  });
}

const pick = (row: Row, names: readonly string[]) =>
  Object.fromEntries(names.filter((name) => name in row).map((name) => [name, row[name]]));

/** The columns that are no attributes, and the attributes, that differ. */
function differing(was: Row, is: Row): string[] {
  const fields = ({ attributes = {}, ...row }: Row) =>
    new Map(
      Object.entries({ ...row, ...columnsOf(new Map()) }).concat(Object.entries(attributes as Row)),
    );
  const [from, to] = [fields(was), fields(is)];
  return [...new Set([...from.keys(), ...to.keys()])]
    .filter((name) => JSON.stringify(from.get(name)) !== JSON.stringify(to.get(name)))
    .sort(compareText);
}

/** The state that rows of `changes` make of an earlier one. */
export function fold(rows: Rows, changes: readonly Row[]): Rows {
  const apply = (dataset: keyof Rows) => {
    const state = new Map(rows[dataset].map((row) => [keyOf(dataset, row), withoutGroups(row)]));
    for (const { before, after } of changes.filter(
      ({ entity }) => entity === dataset.slice(0, -1),
    )) {
      if (before) state.delete(keyOf(dataset, before as Row));
      if (after) state.set(keyOf(dataset, after as Row), after as Row);
    }
    return [...state.values()].sort((a, b) => compareText(keyOf(dataset, a), keyOf(dataset, b)));
  };
  const memberships = apply('memberships');
  const users = apply('users').map((user) => ({
    ...user,
    groups: memberships
      .filter(({ username }) => username === user['username'])
      .map(({ group_name }) => group_name),
  }));
  return { users, groups: apply('groups'), memberships };
}
