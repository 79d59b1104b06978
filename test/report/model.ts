import type { Group, User } from '../../src/model/directory.ts';
import type { State } from '../history/drawn-pool.ts';
import { byUsername, groupsOf, roleOf } from '../history/model.ts';

/** The users of a state that a report lists, by what it lists them for. */
export function concernsOf(state: State, unchangedSince: Date) {
  const users = [...state.users].sort(byUsername);
  const rolesOf = (user: User) =>
    groupsOf(state, user).filter((name) => groupNamed(state, name)?.roleArn !== null);
  const names = (found: readonly User[]) => found.map(({ username }) => username);
  const isTied = (user: User) => {
    const { roleArn, groups } = roleOf(state, user);
    return roleArn === null && groups.length > 1;
  };
  return {
    unconfirmed: names(
      users.filter(
        ({ status, modifiedAt }) =>
          status === 'UNCONFIRMED' && Number(modifiedAt) <= Number(unchangedSince),
      ),
    ),
    disabledPrivileged: users
      .filter((user) => user.enabled === false && rolesOf(user).length > 0)
      .map((user) => ({ username: user.username, groupNames: rolesOf(user) })),
    ties: users
      .filter(isTied)
      .map((user) => ({ username: user.username, groups: roleOf(state, user).groups })),
    duplicateEmails: duplicatesOf(users),
    ungrouped: names(users.filter((user) => groupsOf(state, user).length === 0)),
  };
}

function duplicatesOf(users: readonly User[]) {
  const byAddress = new Map<string, string[]>();
  for (const { username, attributes } of users) {
    const address = attributes['email']?.toLowerCase();
    if (address === undefined || attributes['email_verified'] !== 'true') continue;
    byAddress.set(address, [...(byAddress.get(address) ?? []), username]);
  }
  return [...byAddress]
    .filter(([, usernames]) => usernames.length > 1)
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([email, shown]) => ({ email, usernames: { total: shown.length, shown } }));
}

const groupNamed = (state: State, name: string) =>
  state.groups.find(({ groupName }) => groupName === name);

/** The groups that carry a role in one of two states, by name, with who joined and left. */
export function rolesBetween(before: State, after: State) {
  const carriesRole = ({ roleArn }: Group) => roleArn !== null;
  const names = [...before.groups, ...after.groups]
    .filter(carriesRole)
    .map(({ groupName }) => groupName);
  return [...new Set(names)].sort().map((groupName) => {
    const persons = (state: State) =>
      (groupNamed(state, groupName) ? (state.members[groupName] ?? []) : [])
        .toSorted(byUsername)
        .map(({ username, sub }) => ({ username, key: `${username} ${sub}` }));
    const [was, is] = [persons(before), persons(after)];
    const without = (some: typeof was, others: typeof was) =>
      some
        .filter(({ key }) => !others.some((other) => other.key === key))
        .map(({ username }) => username);
    const describe = (state: State, members: number) => {
      const group = groupNamed(state, groupName);
      if (group === undefined) return null;
      return { roleArn: group.roleArn, precedence: group.precedence, members };
    };
    return {
      groupName,
      before: describe(before, was.length),
      after: describe(after, is.length),
      joined: without(is, was),
      left: without(was, is),
    };
  });
}
