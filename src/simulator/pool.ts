import { randomUUID } from 'node:crypto';
import { Aliases } from './aliases.ts';
import { generateConfiguration, type PoolConfiguration } from './configuration.ts';
import { ServiceError, userNotFound } from './errors.ts';
import { GeneratedUsers } from './generate/generated-users.ts';
import { generateGroups } from './generate/groups.ts';
import { hashText, mix } from './generate/random.ts';
import type { UsernameStyle } from './generate/usernames.ts';
import { type GroupFields, GroupStore } from './group-store.ts';
import { addIdentity, type Identity } from './identities.ts';
import type { GroupRecord, MfaOption, PoolSettings, UserRecord } from './records.ts';
import { UserStore } from './user-store.ts';

/** How to generate a pool. */
export interface PoolOptions {
  readonly settings: PoolSettings;
  readonly users: number;
  readonly groups: number;
  readonly seed: number;
  /** The share of the users in the largest generated group. */
  readonly largestShare?: number | undefined;
  readonly secondDigit?: number | undefined;
  readonly usernames?: UsernameStyle | undefined;
  /** The time of changes, in milliseconds since 1970. */
  readonly now: () => number;
  /** Default: that of a pool in use. */
  readonly configuration?: PoolConfiguration;
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
  readonly mfaSettings?: readonly string[];
  readonly preferredMfa?: string | null;
}

/** The fields of a user that can change, apart from attributes. */
export type UserChange = Partial<
  Pick<
    UserRecord,
    'status' | 'enabled' | 'modifiedAt' | 'mfaOptions' | 'mfaSettings' | 'preferredMfa'
  >
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
  /** Changes apply to the next request. */
  readonly settings: PoolSettings;
  /** Clients, providers and all else that belongs to the pool. */
  readonly configuration: PoolConfiguration;
  /** The number of users that DescribeUserPool reports; null for the real number. */
  estimatedUsers: number | null = null;
  /** The triggers whose functions ran, in order. */
  readonly triggerRuns: string[] = [];
  /** What the functions of triggers say when they refuse. Without an entry they do not. */
  readonly refusals = new Map<string, string>();
  readonly #users: UserStore;
  readonly #groups: GroupStore;
  readonly #aliases: Aliases;
  readonly #now: () => number;

  constructor(options: PoolOptions) {
    this.settings = options.settings;
    this.configuration = options.configuration ?? generateConfiguration(options.settings);
    this.#now = () => Math.floor(options.now());
    const seed = mix(options.seed, hashText(options.settings.id));
    const generated = new GeneratedUsers({
      count: options.users,
      seed,
      secondDigit: options.secondDigit,
      usernames: options.usernames,
    });
    this.#users = new UserStore(generated);
    const generatedGroups = generateGroups({
      poolId: options.settings.id,
      account: options.settings.account,
      seed,
      groups: options.groups,
      users: options.users,
      usernames: generated.usernames,
      largestShare: options.largestShare,
    });
    this.#groups = new GroupStore(generatedGroups);
    this.#aliases = new Aliases(options.settings, this.#usersWithIds());
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
    for (const [, user] of this.#usersWithIds()) yield user;
  }

  *#usersWithIds(): Generator<[id: number, user: UserRecord]> {
    for (const { id } of this.#users.list()) yield [id, this.#users.get(id) as UserRecord];
  }

  /** The user with this username, sub or alias. */
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
      mfaSettings: user.mfaSettings ?? [],
      preferredMfa: user.preferredMfa ?? null,
    };
    this.#aliases.replace(this.#users.idLimit, undefined, record);
    this.#users.insert(record);
    return record;
  }

  /**
   * Lets the pool's Lambda function of a trigger run, if it has one.
   *
   * @throws ServiceError if the function refuses, see `refusals`
   */
  runTrigger(trigger: string): void {
    if (this.settings.triggers[trigger] === undefined) return;
    this.triggerRuns.push(trigger);
    const refusal = this.refusals.get(trigger);
    if (refusal === undefined) return;
    const message = `${trigger} failed with error ${refusal}.`;
    throw new ServiceError('UserLambdaValidationException', message);
  }

  deleteUser(username: string): void {
    const id = this.#findId(username);
    this.#groups.removeUser(id);
    this.#aliases.remove(id, this.#users.get(id) as UserRecord);
    this.#users.delete(id);
  }

  /** Sets attributes. As in the service, an empty value deletes the attribute. */
  updateAttributes(username: string, changes: Readonly<Record<string, string>>): void {
    const id = this.#findId(username);
    const user = this.#users.get(id) as UserRecord;
    const attributes = new Map(user.attributes);
    for (const [name, value] of Object.entries(changes)) {
      if (value === '') attributes.delete(name);
      else attributes.set(name, value);
    }
    const changed = { ...user, attributes, modifiedAt: this.#now() };
    this.#aliases.replace(id, user, changed);
    this.#users.replace(id, changed);
  }

  /** Links an identity of a provider to a user, so that both sign in to one profile. */
  linkIdentity(username: string, identity: Identity): void {
    const user = this.user(username);
    const identities = addIdentity(user.attributes.get('identities'), identity, this.#now());
    this.updateAttributes(username, { identities });
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
    const id = this.#users.find(username) ?? this.#aliases.find(username);
    if (id === undefined) throw userNotFound();
    return id;
  }
}
