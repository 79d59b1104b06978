import { randomUUID } from 'node:crypto';
import { groupNotFound, invalidParameter, ServiceError, userNotFound } from './errors.ts';
import { GeneratedUsers } from './generate/generated-users.ts';
import { generateGroups } from './generate/groups.ts';
import { CUSTOM_ATTRIBUTES, GENERATED_BEFORE } from './generate/profiles.ts';
import { hashText, mix } from './generate/random.ts';
import type { UsernameStyle } from './generate/usernames.ts';
import { MemberList } from './member-list.ts';
import type { GroupRecord, MfaOption, PoolSettings, UserRecord } from './records.ts';
import { type Step as UserStep, UserStore } from './user-store.ts';

/** The most groups of a pool (the service's quotas page). */
const MAX_GROUPS = 10_000;

/** How a pool is made. */
export interface PoolOptions {
  readonly id: string;
  readonly account: string;
  readonly users: number;
  readonly groups: number;
  readonly seed: number;
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

/** A group to create, or the fields to change of one. */
export interface GroupFields {
  readonly description?: string | null;
  readonly roleArn?: string | null;
  readonly precedence?: number | null;
}

interface GroupEntry {
  group: GroupRecord;
  readonly members: MemberList;
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
  readonly #groups = new Map<string, GroupEntry>();
  #groupNames: string[] = [];
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
    const plan = {
      poolId: options.id,
      account: options.account,
      seed,
      groups: options.groups,
      users: options.users,
      usernames: generated.usernames,
    };
    for (const entry of generateGroups(plan)) this.#groups.set(entry.group.groupName, entry);
    this.#groupNames = [...this.#groups.keys()].sort();
  }

  get userCount(): number {
    return this.#users.size;
  }

  get groupCount(): number {
    return this.#groups.size;
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
    for (const { members } of this.#groups.values()) members.delete(id);
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
    for (const name of this.#groupNames) yield this.group(name);
  }

  /** The names of the groups that sort after the given one. */
  groupNamesAfter(name: string | undefined): readonly string[] {
    if (name === undefined) return this.#groupNames;
    const at = this.#groupNames.findIndex((other) => other > name);
    return at < 0 ? [] : this.#groupNames.slice(at);
  }

  group(name: string): GroupRecord {
    return this.#entryOf(name).group;
  }

  createGroup(name: string, fields: GroupFields = {}): GroupRecord {
    if (this.#groups.has(name)) {
      throw new ServiceError('GroupExistsException', 'A group with the name already exists.');
    }
    if (this.#groups.size >= MAX_GROUPS) {
      throw new ServiceError('LimitExceededException', 'Exceeded the number of groups in a pool.');
    }
    const now = this.#now();
    const group: GroupRecord = {
      groupName: name,
      description: fields.description ?? null,
      roleArn: fields.roleArn ?? null,
      precedence: fields.precedence ?? null,
      createdAt: now,
      modifiedAt: now,
    };
    this.#groups.set(name, { group, members: new MemberList() });
    this.#groupNames = [...this.#groupNames, name].sort();
    return group;
  }

  /** Changes the fields that are given, and no other. */
  updateGroup(name: string, fields: GroupFields): GroupRecord {
    const entry = this.#entryOf(name);
    entry.group = { ...entry.group, ...fields, modifiedAt: this.#now() };
    return entry.group;
  }

  deleteGroup(name: string): void {
    this.#entryOf(name);
    this.#groups.delete(name);
    this.#groupNames = this.#groupNames.filter((other) => other !== name);
  }

  /** Puts a user into a group; nothing happens if it is there. */
  addToGroup(username: string, groupName: string): void {
    const id = this.#idOf(username);
    this.#entryOf(groupName).members.add(id);
  }

  /** Takes a user out of a group; nothing happens if it is not there. */
  removeFromGroup(username: string, groupName: string): void {
    const id = this.#idOf(username);
    this.#entryOf(groupName).members.delete(id);
  }

  memberCount(groupName: string): number {
    return this.#entryOf(groupName).members.size;
  }

  /** The members of a group. */
  *members(groupName: string): Generator<UserRecord> {
    for (const { id } of this.memberIds(groupName)) yield this.#users.get(id) as UserRecord;
  }

  /** The ids of a group's members, from a position that an earlier step gave. */
  *memberIds(groupName: string, from = 0): Generator<UserStep & { after: number }> {
    for (const id of this.#entryOf(groupName).members.from(from)) yield { id, after: id + 1 };
  }

  /** Every membership, group by group. */
  *memberships(): Generator<{ groupName: string; username: string; sub: string | null }> {
    for (const groupName of this.#groupNames) {
      for (const user of this.members(groupName)) {
        yield { groupName, username: user.username, sub: user.attributes.get('sub') ?? null };
      }
    }
  }

  /** True if the user is in the group. */
  isMember(username: string, groupName: string): boolean {
    return this.#entryOf(groupName).members.has(this.#idOf(username));
  }

  #idOf(username: string): number {
    const id = this.#users.find(username);
    if (id === undefined) throw userNotFound();
    return id;
  }

  #entryOf(groupName: string): GroupEntry {
    const entry = this.#groups.get(groupName);
    if (entry === undefined) throw groupNotFound();
    return entry;
  }
}
