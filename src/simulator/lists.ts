import { type Call, findPool } from './call.ts';
import { invalidParameter } from './errors.ts';
import { type Filter, matches, parseFilter } from './filter.ts';
import type { Random } from './generate/random.ts';
import { groupJson, userJson } from './json.ts';
import { type Page, readPage } from './paging.ts';
import type { SimulatedPool } from './pool.ts';
import type { Position, Step } from './user-store.ts';

/** ListUsers: all users, or those that match a filter. */
export function listUsers(call: Call): string {
  const { input } = call;
  const pool = findPool(call);
  const filter = parseFilter(input.Filter);
  const only = input.AttributesToGet?.length ? input.AttributesToGet : undefined;
  maybeChurn(call, pool);
  const page = readPage<number>(call, {
    limit: input.Limit,
    token: input.PaginationToken,
    scope: [input.UserPoolId, input.Filter ?? '', only ?? []],
    steps: (from) => candidates(pool, filter, from),
    render: (id) => {
      const user = pool.store.get(id);
      if (user === undefined || (filter !== undefined && !matches(filter, user))) return undefined;
      if (only?.some((name) => !user.attributes.has(name)) === true) {
        throw invalidParameter('One or more requested attributes do not exist.');
      }
      return userJson(user, only);
    },
    ofUsers: true,
  });
  return pageJson('Users', page, 'PaginationToken');
}

/** ListUsersInGroup: the members with all their attributes. */
export function listUsersInGroup(call: Call): string {
  const { input } = call;
  const pool = findPool(call);
  pool.group(input.GroupName);
  maybeChurn(call, pool);
  const page = readPage<number>(call, {
    limit: input.Limit,
    token: input.NextToken,
    scope: [input.UserPoolId, input.GroupName],
    steps: function* (from) {
      const ids = pool.memberIds(input.GroupName, Number(from ?? 0));
      for (const id of ids) yield { item: id, after: id + 1 };
    },
    render: (id) => {
      const user = pool.store.get(id);
      return user === undefined ? undefined : userJson(user);
    },
    ofUsers: true,
  });
  return pageJson('Users', page, 'NextToken');
}

/** ListGroups. */
export function listGroups(call: Call): string {
  const pool = findPool(call);
  return groupsPage(call, pool, [], (after) => pool.groupNames(after));
}

/** AdminListGroupsForUser. */
export function adminListGroupsForUser(call: Call): string {
  const pool = findPool(call);
  const { username } = pool.user(call.input.Username);
  return groupsPage(call, pool, [username], (after) => pool.groupNamesOf(username, after));
}

function groupsPage(
  call: Call,
  pool: SimulatedPool,
  scope: readonly unknown[],
  names: (after: string | undefined) => Iterable<string>,
): string {
  const page = readPage<string>(call, {
    limit: call.input.Limit,
    token: call.input.NextToken,
    scope: [call.input.UserPoolId, ...scope],
    steps: function* (from) {
      const after = from === undefined ? undefined : String(from);
      for (const name of names(after)) yield { item: name, after: name };
    },
    render: (name) => groupJson(pool.group(name), pool.settings.id),
  });
  return pageJson('Groups', page, 'NextToken');
}

/** The users that a filter can match. Filters on `sub` or on an exact username skip all others. */
function* candidates(
  pool: SimulatedPool,
  filter: Filter | undefined,
  from: Position | undefined,
): Generator<{ item: number; after: Position }> {
  if (filter?.attribute === 'sub') {
    yield* toItems(pool.store.listBySub(filter.value, from));
  } else if (filter?.attribute === 'username' && !filter.prefix) {
    const id = from === undefined ? pool.store.find(filter.value) : undefined;
    if (id !== undefined) yield { item: id, after: 1 };
  } else {
    yield* toItems(pool.store.list(from));
  }
}

function* toItems(steps: Iterable<Step>): Generator<{ item: number; after: Position }> {
  for (const { id, after } of steps) yield { item: id, after };
}

function maybeChurn(call: Call, pool: SimulatedPool): void {
  const { faults, random } = call.services;
  if (faults.strikes('churn', call.operation)) churn(pool, random);
}

function pageJson(list: 'Users' | 'Groups', page: Page, tokenName: string): string {
  const token = page.token === undefined ? '' : `,"${tokenName}":"${page.token}"`;
  return `{"${list}":${page.json}${token}}`;
}

/** Creates or deletes a user, as other clients do while a walk runs. */
function churn(pool: SimulatedPool, random: Random): void {
  if (pool.userCount > 0 && random.chance(0.5)) {
    // A random id can be of a deleted user; a few draws find one that exists.
    for (let draw = 0; draw < 8; draw += 1) {
      const user = pool.store.get(random.below(pool.store.idLimit));
      if (user === undefined) continue;
      pool.deleteUser(user.username);
      return;
    }
  }
  const code = `${random.bits().toString(36)}${random.bits().toString(36)}`;
  pool.createUser({
    username: `churn-${code}`,
    sub: createSub(random),
    attributes: { email: `churn.${code}@example.com`, email_verified: 'true' },
  });
}

/** A version 4 UUID from seeded random numbers, so that the same seed creates the same users. */
function createSub(random: Random): string {
  const hex = Array.from({ length: 4 }, () => random.bits().toString(16).padStart(8, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
