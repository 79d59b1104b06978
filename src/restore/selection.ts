import { ActionRequiredError } from '../model/errors.ts';
import type { Moment, Span } from '../model/history.ts';
import type { HistorySource } from '../model/history-source.ts';
import type { GroupFields } from '../model/restore.ts';
import { type SourceUser, toGroupFields, toSourceUser, toUnknownUser } from './source-user.ts';

/** What `only` can name. Links of identities belong to users. */
export const RESTORE_KINDS = ['groups', 'users', 'memberships'] as const;
/** One of `RESTORE_KINDS`. */
export type RestoreKind = (typeof RESTORE_KINDS)[number];

/** What of a snapshot is restored. Empty lists: everything. */
export interface RestoreChoice {
  /** Usernames, `sub`s or e-mail addresses. */
  readonly users: readonly string[];
  readonly groups: readonly string[];
  readonly only: readonly RestoreKind[];
}

/**
 * The part of a snapshot that is restored. What is named is compared and made as it was. What that needs,
 * such as the groups of a named user, is created if the target lacks it, and not changed if it has it.
 */
export class Selection {
  readonly #users: ReadonlySet<string>;
  readonly #groups: ReadonlySet<string>;
  readonly #only: ReadonlySet<RestoreKind>;
  /** True if no user and no group is named. */
  readonly isWhole: boolean;

  /** @param users the usernames of the snapshot that are named */
  constructor(users: Iterable<string>, { groups, only, ...named }: RestoreChoice) {
    this.#users = new Set(users);
    this.#groups = new Set(groups);
    this.#only = new Set(only.length === 0 ? RESTORE_KINDS : only);
    this.isWhole = named.users.length === 0 && groups.length === 0;
  }

  /** True if users are compared, or needed for their memberships. */
  get readsUsers(): boolean {
    return this.writes('users') || this.writes('memberships');
  }

  writes(kind: RestoreKind): boolean {
    return this.#only.has(kind);
  }

  comparesUser(username: string): boolean {
    return this.isWhole || this.#users.has(username);
  }

  comparesGroup(groupName: string): boolean {
    return this.isWhole || this.#groups.has(groupName);
  }

  hasMembership(groupName: string, username: string): boolean {
    return this.comparesUser(username) || this.comparesGroup(groupName);
  }
}

/** The state of a snapshot as all that was added since nothing. */
function sinceNothing(at: Moment): Span {
  return { from: null, to: { ...at, staged: null } };
}

/** All groups of a snapshot, by name. */
export async function readGroups(
  source: HistorySource,
  at: Moment,
): Promise<Map<string, GroupFields>> {
  const groups = new Map<string, GroupFields>();
  for await (const batch of source.streamGroupDifferences(sinceNothing(at), null)) {
    for (const { groupName, after } of batch) {
      if (after !== null) groups.set(groupName, toGroupFields(after));
    }
  }
  return groups;
}

/**
 * The users of a snapshot that are named.
 *
 * @throws ActionRequiredError if the snapshot has no user of a name
 */
export async function findNamedUsers(
  source: HistorySource,
  at: Moment,
  names: readonly string[],
): Promise<SourceUser[]> {
  if (names.length === 0) return [];
  const found = (await source.findUserStates(names, at)).map(toSourceUser);
  const known = new Set(
    found.flatMap(({ username, sub, attributes }) => [
      username,
      sub ?? '',
      attributes.get('email')?.toLowerCase() ?? '',
    ]),
  );
  const missing = names.filter((name) => !known.has(name) && !known.has(name.toLowerCase()));
  if (missing.length === 0) return found;
  const which = names.length === 1 ? 'no such user' : `no user for ${missing.length} of the names`;
  throw ActionRequiredError.of(
    '--user',
    `${source.poolId}/${at.snapshot} has ${which}.`,
    (await hidesAddresses(source))
      ? 'Give the username or the sub: privacy rules of the mirror hide e-mail addresses.'
      : 'Give the username, the sub or the e-mail address that the user had in the snapshot.',
  );
}

async function hidesAddresses(source: HistorySource): Promise<boolean> {
  const records = await source.listHidden();
  return records.some(
    ({ omitted, hashed }) => omitted.includes('email') || Object.hasOwn(hashed, 'email'),
  );
}

/** @throws ActionRequiredError if the snapshot has no group of a name */
export function requireGroups(
  names: readonly string[],
  groups: ReadonlyMap<string, unknown>,
  snapshot: string,
): void {
  const missing = names.filter((name) => !groups.has(name));
  if (missing.length === 0) return;
  const which =
    names.length === 1 ? 'no such group' : `no group for ${missing.length} of the names`;
  throw ActionRequiredError.of(
    '--group',
    `${snapshot} has ${which}.`,
    'Give the name of a group, in its exact case.',
  );
}

/**
 * The users of a snapshot in batches, by name: all, or those that are named and those in named groups.
 * Memory holds the names of users in several named groups.
 *
 * @param named the users that are named
 */
export async function* streamUsers(
  source: HistorySource,
  at: Moment,
  { users, groups }: RestoreChoice,
  named: readonly SourceUser[],
): AsyncGenerator<SourceUser[]> {
  if (users.length === 0 && groups.length === 0) {
    yield* streamAll(source, at, null);
    return;
  }
  yield [...named];
  const seen = new Set(named.map(({ username }) => username));
  for (const group of groups) {
    for await (const batch of streamAll(source, at, group)) {
      const fresh = batch.filter(({ username }) => !seen.has(username));
      for (const { username } of fresh) seen.add(username);
      yield fresh;
    }
  }
}

async function* streamAll(
  source: HistorySource,
  at: Moment,
  group: string | null,
): AsyncGenerator<SourceUser[]> {
  for await (const batch of source.streamUserDifferences(sinceNothing(at), group)) {
    yield batch.map(({ username, after, joined }) =>
      after === null
        ? toUnknownUser(username, joined)
        : toSourceUser({ username, content: after, groupNames: joined }),
    );
  }
}
