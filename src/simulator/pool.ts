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

/** How to generate a pool. */
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

/** A user to create. All fields except the username have the service's defaults. */
export interface NewUser {
  readonly username: string;
  /** Undefined: a random UUID. Null: a user without `sub`. */
  readonly sub?: string | null;
  readonly status?: string;
  readonly enabled?: boolean;
  readonly createdAt?: number;
  readonly modifiedAt?: number;
  /** Any names and values, valid or not, except `sub`. */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly mfaOptions?: readonly MfaOption[];
}

/** The fields of a user that can change, apart from attributes. */
export type UserChange = Partial<
  Pick<UserRecord, 'status' | 'enabled' | 'modifiedAt' | 'mfaOptions'>
>;

/** One user in one group; `sub` is null for a user without `sub`. */
export interface Membership {
  readonly groupName: string;
  readonly username: string;
  readonly sub: string | null;
}

/**
 * One simulated user pool. The API's operations and tests use the same methods, and the next request
 * sees every change. Methods throw the service's error if the user or group does not exist.
 */
export class SimulatedPool {
  readonly settings: PoolSettings;
  /** The number of users that DescribeUserPool reports; null for the real number. */
  estimatedUsers: number | null = null;
  /** The names of custom attributes with their prefix, `custom:` or `dev:custom:`. */
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

  /** The users by id and in listing order; see `UserStore`. */
  get store(): Pick<UserStore, 'get' | 'list' | 'listBySub' | 'find' | 'idLimit'> {
    return this.#users;
  }

  /** All users in listing order. */
  *users(): Generator<UserRecord> {
    for (const { id } of this.#users.list()) yield this.#users.get(id) as UserRecord;
  }

  /** The user with this username or sub. */
  user(username: string): UserRecord {
    return this.#users.get(this.#findId(username)) as UserRecord;
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
    const id = this.#findId(username);
    this.#groups.removeUser(id);
    this.#users.delete(id);
  }

  /** Sets attributes. As in the service, an empty value deletes the attribute. */
  updateAttributes(username: string, changes: Readonly<Record<string, string>>): void {
    const id = this.#findId(username);
    const user = this.#users.get(id) as UserRecord;
    const attributes = new Map(user.attributes);
    for (const [name, value] of Object.entries(changes)) {
      if (name === 'sub') throw invalidParameter('Cannot modify the non-mutable attribute sub');
      if (value === '') attributes.delete(name);
      else attributes.set(name, value);
    }
    this.#users.replace(id, { ...user, attributes, modifiedAt: this.#now() });
  }

  /** Changes fields other than attributes. Sets the modification date unless it is given. */
  changeUser(username: string, change: UserChange): void {
    const id = this.#findId(username);
    const user = this.#users.get(id) as UserRecord;
    this.#users.replace(id, { ...user, modifiedAt: this.#now(), ...change });
  }

  /** All groups, sorted by name. */
  *groups(): Generator<GroupRecord> {
    for (const name of this.#groups.names) yield this.#groups.get(name);
  }

  /** The sorted names of all groups, or only those after the given name. */
  groupNames(after?: string): readonly string[] {
    return after === undefined ? this.#groups.names : this.#groups.namesAfter(after);
  }

  /** The sorted names of a user's groups, or only those after the given name. */
  *groupNamesOf(username: string, after?: string): Generator<string> {
    const id = this.#findId(username);
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

  /** Changes only the given fields. */
  updateGroup(name: string, fields: GroupFields): GroupRecord {
    return this.#groups.update(name, fields, this.#now());
  }

  deleteGroup(name: string): void {
    this.#groups.delete(name);
  }

  /** Adds a user to a group; does nothing if the user is a member. */
  addToGroup(username: string, groupName: string): void {
    const id = this.#findId(username);
    this.#groups.members(groupName).add(id);
  }

  /** Removes a user from a group; does nothing if the user is not a member. */
  removeFromGroup(username: string, groupName: string): void {
    const id = this.#findId(username);
    this.#groups.members(groupName).delete(id);
  }

  memberCount(groupName: string): number {
    return this.#groups.members(groupName).size;
  }

  /** The members of a group. */
  *members(groupName: string): Generator<UserRecord> {
    for (const id of this.memberIds(groupName)) yield this.#users.get(id) as UserRecord;
  }

  /** The ids of a group's members, ascending, starting with `from`. */
  memberIds(groupName: string, from = 0): Generator<number> {
    return this.#groups.members(groupName).from(from);
  }

  /** All memberships, group by group. */
  *memberships(): Generator<Membership> {
    for (const groupName of this.#groups.names) {
      for (const { username, attributes } of this.members(groupName)) {
        yield { groupName, username, sub: attributes.get('sub') ?? null };
      }
    }
  }

  #findId(username: string): number {
    const id = this.#users.find(username);
    if (id === undefined) throw userNotFound();
    return id;
  }
}
