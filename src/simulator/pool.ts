import { randomUUID } from 'node:crypto';
import { invalidParameter, ServiceError, userNotFound } from './errors.ts';
import { GeneratedUsers } from './generate/generated-users.ts';
import { generateGroups } from './generate/groups.ts';
import { CUSTOM_ATTRIBUTES, GENERATED_BEFORE } from './generate/profiles.ts';
import { hashText, mix } from './generate/random.ts';
import type { UsernameStyle } from './generate/usernames.ts';
import { type GroupFields, GroupStore } from './group-store.ts';
import type { GroupRecord, MfaOption, PoolSettings, UserRecord } from './records.ts';
import { UserStore } from './user-store.ts';

/** How a pool is made. */
export interface PoolOptions {
  readonly id: string;
  readonly account: string;
  readonly users: number;
  readonly groups: number;
  readonly seed: number;
  /** The share of the users in the largest generated group. */
  readonly largestShare?: number | undefined;
  readonly secondDigit?: number | undefined;
  readonly usernames?: UsernameStyle | undefined;
  /** The time of changes, in milliseconds since 1970. */
  readonly now: () => number;
}

/** A user to create. Only the name is needed; all else has the service's defaults. */
export interface NewUser {
  readonly username: string;
  /** A fresh UUID where undefined; none at all where null. */
  readonly sub?: string | null;
  readonly status?: string;
  readonly enabled?: boolean;
  readonly createdAt?: number;
  readonly modifiedAt?: number;
  /** Any names and values, legal or not; `sub` apart. */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly mfaOptions?: readonly MfaOption[];
}

/** What can be changed of a user beside its attributes. */
export type UserChange = Partial<
  Pick<UserRecord, 'status' | 'enabled' | 'modifiedAt' | 'mfaOptions'>
>;

/** One user in one group; `sub` is null for a user that has none. */
export interface Membership {
  readonly groupName: string;
  readonly username: string;
  readonly sub: string | null;
}

/**
 * One simulated user pool: what the API's operations read and change, open to tests as well.
 * Changes are seen by the next read. Methods that name something absent throw the service's error.
 */
export class SimulatedPool {
  readonly settings: PoolSettings;
  /** What DescribeUserPool reports in place of the true number of users, where set. */
  estimatedUsers: number | null = null;
  /** Names of the pool's own attributes, `custom:` and `dev:custom:` included. */
  readonly customAttributes = new Set<string>(CUSTOM_ATTRIBUTES);
  readonly #users: UserStore;
  readonly #groups: GroupStore;
  readonly #now: () => number;

  constructor(options: PoolOptions) {
    const region = options.id.slice(0, options.id.indexOf('_'));
    this.settings = {
      id: options.id,
      region,
      account: options.account,
      name: `simulated-${options.id.slice(options.id.indexOf('_') + 1).toLowerCase()}`,
      arn: `arn:aws:cognito-idp:${region}:${options.account}:userpool/${options.id}`,
      createdAt: GENERATED_BEFORE - 7 * 365 * 24 * 3600 * 1000,
      mfaConfiguration: 'OPTIONAL',
    };
    this.#now = () => Math.floor(options.now());
    const seed = mix(options.seed, hashText(options.id));
    const generated = new GeneratedUsers({
      count: options.users,
      seed,
      secondDigit: options.secondDigit,
      usernames: options.usernames,
    });
    this.#users = new UserStore(generated);
    const generatedGroups = generateGroups({
      poolId: options.id,
      account: options.account,
      seed,
      groups: options.groups,
      users: options.users,
      usernames: generated.usernames,
      largestShare: options.largestShare,
    });
    this.#groups = new GroupStore(generatedGroups);
  }

  get userCount(): number {
    return this.#users.size;
  }

  get groupCount(): number {
    return this.#groups.names.length;
  }

  /** The users, by id and in listing order; see `UserStore`. */
  get store(): Pick<UserStore, 'get' | 'list' | 'listBySub' | 'find' | 'idLimit'> {
    return this.#users;
  }

  /** Every user, one after the other. */
  *users(): Generator<UserRecord> {
    for (const { id } of this.#users.list()) yield this.#users.get(id) as UserRecord;
  }

  /** The user of this name or sub. */
  user(username: string): UserRecord {
    return this.#users.get(this.#idOf(username)) as UserRecord;
  }

  hasUser(username: string): boolean {
    return this.#users.find(username) !== undefined;
  }

  createUser(user: NewUser): UserRecord {
    if (this.hasUser(user.username)) {
      throw new ServiceError('UsernameExistsException', 'User account already exists');
    }
    const now = this.#now();
    const attributes = new Map<string, string>();
    const sub = user.sub === undefined ? randomUUID() : user.sub;
    if (sub !== null) attributes.set('sub', sub);
    for (const [name, value] of Object.entries(user.attributes ?? {})) attributes.set(name, value);
    const record: UserRecord = {
      username: user.username,
      status: user.status ?? 'FORCE_CHANGE_PASSWORD',
      enabled: user.enabled ?? true,
      createdAt: user.createdAt ?? now,
      modifiedAt: user.modifiedAt ?? user.createdAt ?? now,
      attributes,
      mfaOptions: user.mfaOptions ?? [],
    };
    this.#users.insert(record);
    return record;
  }

  deleteUser(username: string): void {
    const id = this.#idOf(username);
    this.#groups.forget(id);
    this.#users.delete(id);
  }

  /** Sets attributes; an empty value takes the attribute away, as the service does. */
  updateAttributes(username: string, changes: Readonly<Record<string, string>>): void {
    const id = this.#idOf(username);
    const user = this.#users.get(id) as UserRecord;
    const attributes = new Map(user.attributes);
    for (const [name, value] of Object.entries(changes)) {
      if (name === 'sub') throw invalidParameter('Cannot modify the non-mutable attribute sub');
      if (value === '') attributes.delete(name);
      else attributes.set(name, value);
    }
    this.#users.replace(id, { ...user, attributes, modifiedAt: this.#now() });
  }

  /** Changes what is no attribute; the modification date moves unless it is given. */
  changeUser(username: string, change: UserChange): void {
    const id = this.#idOf(username);
    const user = this.#users.get(id) as UserRecord;
    this.#users.replace(id, { ...user, modifiedAt: this.#now(), ...change });
  }

  /** Every group, by name. */
  *groups(): Generator<GroupRecord> {
    for (const name of this.#groups.names) yield this.#groups.get(name);
  }

  /** The names of all groups, sorted, or of those that sort after the given one. */
  groupNames(after?: string): readonly string[] {
    return after === undefined ? this.#groups.names : this.#groups.namesAfter(after);
  }

  /** The names of a user's groups, sorted, from after the given one. */
  *groupNamesOf(username: string, after?: string): Generator<string> {
    const id = this.#idOf(username);
    for (const name of this.groupNames(after)) {
      if (this.#groups.members(name).has(id)) yield name;
    }
  }

  group(name: string): GroupRecord {
    return this.#groups.get(name);
  }

  createGroup(name: string, fields: GroupFields = {}): GroupRecord {
    return this.#groups.create(name, fields, this.#now());
  }

  /** Changes the fields that are given, and no other. */
  updateGroup(name: string, fields: GroupFields): GroupRecord {
    return this.#groups.update(name, fields, this.#now());
  }

  deleteGroup(name: string): void {
    this.#groups.delete(name);
  }

  /** Puts a user into a group; nothing happens if it is there. */
  addToGroup(username: string, groupName: string): void {
    const id = this.#idOf(username);
    this.#groups.members(groupName).add(id);
  }

  /** Takes a user out of a group; nothing happens if it is not there. */
  removeFromGroup(username: string, groupName: string): void {
    const id = this.#idOf(username);
    this.#groups.members(groupName).delete(id);
  }

  memberCount(groupName: string): number {
    return this.#groups.members(groupName).size;
  }

  /** The members of a group. */
  *members(groupName: string): Generator<UserRecord> {
    for (const id of this.memberIds(groupName)) yield this.#users.get(id) as UserRecord;
  }

  /** The ids of a group's members that are `from` or greater, ascending. */
  memberIds(groupName: string, from = 0): Generator<number> {
    return this.#groups.members(groupName).from(from);
  }

  /** Every membership, group by group. */
  *memberships(): Generator<Membership> {
    for (const groupName of this.#groups.names) {
      for (const { username, attributes } of this.members(groupName)) {
        yield { groupName, username, sub: attributes.get('sub') ?? null };
      }
    }
  }

  #idOf(username: string): number {
    const id = this.#users.find(username);
    if (id === undefined) throw userNotFound();
    return id;
  }
}
