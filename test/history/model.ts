import type { Group, User } from '../../src/model/directory.ts';
import type { DrawnUser, State, Taken } from './drawn-pool.ts';
import type { Parts } from './drawn-settings.ts';

type Fields = Record<string, unknown>;

/** Compares by code point. */
export const compareText = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const byName =
  <T>(name: (each: T) => string) =>
  (a: T, b: T) =>
    compareText(name(a), name(b));

/** Compares by code point, as the answers are ordered. */
export const byUsername = byName<{ readonly username: string }>(({ username }) => username);

/** The fields of a user as the answers name them. */
export function fieldsOfUser(user: DrawnUser): Fields {
  const { mfa } = user;
  const options = user.mfaOptions.map((option) => ({
    DeliveryMedium: option.deliveryMedium,
    AttributeName: option.attributeName,
  }));
  return setFields({
    ...user.attributes,
    status: user.status,
    enabled: user.enabled,
    created_at: user.createdAt?.toISOString(),
    modified_at: user.modifiedAt?.toISOString(),
    mfa_options: options.length > 0 ? options : null,
    mfa_settings: mfa && mfa.settings.length > 0 ? mfa.settings : null,
    preferred_mfa: mfa?.preferred,
    mfa_read_at: mfa?.readAt?.toISOString(),
    // After the spread, which would lose this name.
    ...(Object.hasOwn(user.attributes, '__proto__') ? { ['__proto__']: 'x' } : {}),
  });
}

function fieldsOfGroup(group: Group): Fields {
  return setFields({
    description: group.description,
    role_arn: group.roleArn,
    precedence: group.precedence,
    created_at: group.createdAt?.toISOString(),
    modified_at: group.modifiedAt?.toISOString(),
  });
}

const setFields = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null));

function differences(before: Fields, after: Fields, hidden: readonly string[]): Fields {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  const own = (fields: Fields, name: string) => (Object.hasOwn(fields, name) ? fields[name] : null);
  return Object.fromEntries(
    names
      .filter((name) => !hidden.includes(name))
      .map((name) => [name, { from: own(before, name), to: own(after, name) }] as const)
      .filter(([, { from, to }]) => JSON.stringify(from) !== JSON.stringify(to)),
  );
}

/** Fields that `diff` shows only on request. */
const HIDDEN = ['modified_at', 'mfa_read_at'];

const EMPTY: State = { users: [], groups: [], members: {} };

/** The changes between two states, as `diff` gives them. */
export function changesBetween(before: State | null, after: State): unknown[] {
  return [
    ...groupChanges(before ?? EMPTY, after),
    ...userChanges(before ?? EMPTY, after),
    ...(before?.settings && after.settings ? settingChanges(before.settings, after.settings) : []),
  ];
}

function settingChanges(before: Parts, after: Parts): unknown[] {
  const parts = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...parts].sort(compareText).flatMap((part) => {
    const [old, now] = [before[part], after[part]];
    const fields = differences(flatten(old ?? {}), flatten(now ?? {}), ['LastModifiedDate']);
    const kind = old === undefined ? 'added' : now === undefined ? 'removed' : 'modified';
    if (kind === 'modified' && Object.keys(fields).length === 0) return [];
    return [{ entity: 'setting', kind, part, fields }];
  });
}

/** The values of an object that are no objects, by their paths. */
function flatten(value: object): Fields {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]) => {
      if (typeof each !== 'object' || Array.isArray(each)) return [[name, each]];
      return Object.entries(flatten(each)).map(([inner, own]) => [`${name}.${inner}`, own]);
    }),
  );
}

function groupChanges(before: State, after: State): unknown[] {
  const names = new Set([...before.groups, ...after.groups].map(({ groupName }) => groupName));
  return [...names].sort(compareText).flatMap((groupName) => {
    const [old, now] = [before, after].map(({ groups }) =>
      groups.find((group) => group.groupName === groupName),
    );
    const fields = differences(old ? fieldsOfGroup(old) : {}, now ? fieldsOfGroup(now) : {}, [
      'modified_at',
    ]);
    const kind = old === undefined ? 'added' : now === undefined ? 'removed' : 'modified';
    if (kind === 'modified' && Object.keys(fields).length === 0) return [];
    return [{ entity: 'group', kind, groupName, fields }];
  });
}

function userChanges(before: State, after: State): unknown[] {
  const names = new Set([...before.users, ...after.users].map(({ username }) => username));
  return [...names].sort(compareText).flatMap((username) => {
    const [old, now] = [before, after].map(({ users }) =>
      users.find((user) => user.username === username),
    );
    const isAnother = old !== undefined && now !== undefined && old.sub !== now.sub;
    const fields = differences(
      old ? fieldsOfUser(old) : {},
      now ? fieldsOfUser(now) : {},
      isAnother ? HIDDEN : [...HIDDEN, 'sub'],
    );
    const [was, is] = [groupsOf(before, old), groupsOf(after, now)];
    const groups = {
      added: is.filter((name) => isAnother || !was.includes(name)),
      removed: was.filter((name) => isAnother || !is.includes(name)),
    };
    const kind =
      old === undefined
        ? 'added'
        : now === undefined
          ? 'removed'
          : isAnother
            ? 'replaced'
            : 'modified';
    const isSame = Object.keys(fields).length + groups.added.length + groups.removed.length === 0;
    if (kind === 'modified' && isSame) return [];
    return [{ entity: 'user', kind, username, sub: (now ?? old)?.sub, fields, groups }];
  });
}

/** The groups of a user, sorted. */
export function groupsOf(state: State, user: User | undefined): string[] {
  return state.groups
    .map(({ groupName }) => groupName)
    .filter((name) => state.members[name]?.some(({ username }) => username === user?.username))
    .sort(compareText);
}

/** A version or a membership with its period. */
interface Period {
  readonly from: Date;
  to: Date | null;
}

/** The history of a user over the snapshots: each version and each membership with its period. */
export function historyOf(taken: readonly Taken[], username: string, sub: string | null) {
  const versions: (Period & { text: string; fields: Fields })[] = [];
  const memberships: (Period & { groupName: string })[] = [];
  for (const state of taken) {
    const user = state.users.find((each) => each.username === username && each.sub === sub);
    const open = versions.find(({ to }) => to === null);
    const fields = user && fieldsOfUser(user);
    const text = JSON.stringify(fields && Object.entries(fields).sort());
    if (open !== undefined && open.text !== text) open.to = state.at;
    if (fields !== undefined && open?.text !== text) {
      versions.push({ from: state.at, to: null, text, fields });
    }
    const groups = groupsOf(state, user);
    for (const membership of memberships) {
      if (!groups.includes(membership.groupName)) membership.to ??= state.at;
    }
    for (const groupName of groups) {
      const isOpen = memberships.some((each) => each.groupName === groupName && each.to === null);
      if (!isOpen) memberships.push({ groupName, from: state.at, to: null });
    }
  }
  return {
    versions: versions.map(({ from, to, fields }) => ({ validFrom: from, validTo: to, fields })),
    memberships: memberships
      .sort(byName(({ groupName, from }) => `${groupName}\0${from.toISOString()}`))
      .map(({ groupName, from, to }) => ({ groupName, validFrom: from, validTo: to })),
  };
}

/** The profiles that match a text at any of the snapshots, sorted. */
export function profilesOf(taken: readonly Taken[], text: string) {
  const found = taken
    .flatMap(({ users }) => users)
    .filter(
      ({ username, sub, attributes }) =>
        username === text ||
        sub === text ||
        attributes['email']?.toLowerCase() === text.toLowerCase(),
    )
    .map(({ username, sub }) => JSON.stringify({ username, sub }));
  return [...new Set(found)]
    .map((profile) => JSON.parse(profile) as { username: string; sub: string })
    .sort(byName(({ username, sub }) => `${username}\0${sub}`));
}

/** The other profiles of a user: those that its identities name, and those of today that share one. */
export function linkedTo(taken: readonly Taken[], username: string, sub: string | null): string[] {
  const nameOf = ({ attributes }: User) => {
    const [identity] = JSON.parse(attributes['identities'] ?? '[]');
    return identity ? `Google_${identity.userId}` : null;
  };
  const all = taken.flatMap(({ users }) => users);
  const own = all
    .filter((each) => each.username === username && each.sub === sub)
    .flatMap((each) => nameOf(each) ?? []);
  const today = taken.at(-1)?.users ?? [];
  const names = [
    ...own,
    ...today
      .filter((each) => [...own, username].includes(nameOf(each) ?? '\0'))
      // The primary identity is that of the profile's own name, and links no other.
      .filter((each) => nameOf(each) !== each.username)
      .map((each) => each.username),
  ].filter((name) => name !== username);
  const found = all
    .filter((each) => names.includes(each.username))
    .map((each) => `${each.username} ${each.sub}`);
  return [...new Set(found)].sort(compareText);
}

/** The role of a user in a state: that of the group with the lowest precedence, if it is the only one. */
export function roleOf(state: State, user: User) {
  const groups = groupsOf(state, user).map(
    (name) => state.groups.find(({ groupName }) => groupName === name) as Group,
  );
  const order = ({ precedence }: Group) => precedence ?? 1e9;
  const lowest = [...groups].sort((a, b) => order(a) - order(b))[0];
  const deciding = groups
    .filter((group) => lowest !== undefined && order(group) === order(lowest))
    .filter(({ roleArn }) => roleArn !== null)
    .map(({ groupName, roleArn }) => ({ groupName, roleArn }));
  const isOne = deciding.every(({ roleArn }) => roleArn === deciding[0]?.roleArn);
  return { roleArn: isOne ? (deciding[0]?.roleArn ?? null) : null, groups: deciding };
}
