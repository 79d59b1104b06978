import type { Spool } from '../common/spool.ts';
import type { Group, User } from '../model/directory.ts';
import type { GroupFields, TargetName, TargetPool } from '../model/restore.ts';
import { decodeName, unescapeUnstorable } from '../model/storable.ts';

/** A user of the target, as far as a restore compares it. */
export interface TargetUser extends TargetName {
  readonly status: string | null;
  readonly enabled: boolean;
  /** By their own names, as the service has them. */
  readonly attributes: ReadonlyMap<string, string>;
}

/** The same as a row of a spool. */
export interface TargetUserRow extends Omit<TargetUser, 'attributes'> {
  readonly attributes: readonly (readonly [string, string])[];
}

/**
 * What was read of the target. Rows of users are on disk. Memory holds the names and aliases of users,
 * about 150 bytes each, and 4 bytes for each membership.
 */
export class TargetState {
  readonly pool: TargetPool;
  readonly #rows: Spool<TargetUserRow>;
  readonly #groups = new Map<string, GroupFields>();
  /** The positions of rows in the spool, by the user's number. */
  readonly #positions: number[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #aliases = new Map<string, string>();
  readonly #members = new Map<string, Uint32Array>();
  /** True for each user that one of the snapshot was found to be, by the user's number. */
  readonly #claimed: boolean[] = [];

  constructor(pool: TargetPool, rows: Spool<TargetUserRow>) {
    this.pool = pool;
    this.#rows = rows;
  }

  get userCount(): number {
    return this.#numbers.size;
  }

  addGroup({ groupName, escaped, description, roleArn, precedence }: Group): void {
    const text = (column: string, value: string | null) =>
      value !== null && escaped.includes(column) ? unescapeUnstorable(value) : value;
    this.#groups.set(groupName, {
      description: text('description', description),
      roleArn: text('role_arn', roleArn),
      precedence,
    });
  }

  /** Adds a user. A listing that starts again gives the same ones, which are ignored. */
  addUser(user: User): void {
    const key = this.fold(user.username);
    if (this.#numbers.has(key)) return;
    const escaped = new Set(user.escaped);
    const attributes = Object.entries(user.attributes).map(
      ([name, value]) =>
        [decodeName(name), escaped.has(name) ? unescapeUnstorable(value) : value] as const,
    );
    this.#numbers.set(key, this.#positions.length);
    this.#claimed.push(false);
    this.#positions.push(
      this.#rows.append({
        username: user.username,
        sub: user.sub,
        status: user.status,
        enabled: user.enabled ?? true,
        attributes,
      }),
    );
    for (const alias of this.aliasesOf(new Map(attributes))) {
      this.#aliases.set(alias, user.username);
    }
  }

  /** Sets the members of a group. Users that were not read are left out. */
  setMembers(groupName: string, usernames: Iterable<string>): void {
    const numbers: number[] = [];
    for (const username of usernames) {
      const number = this.#numbers.get(this.fold(username));
      if (number !== undefined) numbers.push(number);
    }
    this.#members.set(groupName, Uint32Array.from(numbers).sort());
  }

  group(groupName: string): GroupFields | null {
    return this.#groups.get(groupName) ?? null;
  }

  /** The user with this username; null if there is none. */
  user(username: string): TargetUser | null {
    const number = this.#numbers.get(this.fold(username));
    if (number === undefined) return null;
    const { attributes, ...row } = this.#rows.at(this.#positions[number] as number);
    return { ...row, attributes: new Map(attributes) };
  }

  /** The username of the user with an alias of `aliasesOf`; null if no user has it. */
  ownerOf(alias: string): string | null {
    return this.#aliases.get(alias) ?? null;
  }

  /** Reserves the aliases of a user that will be created. */
  reserve(aliases: readonly string[], username: string): void {
    for (const alias of aliases) this.#aliases.set(alias, username);
  }

  /**
   * Takes a user of the target for one of the snapshot. False if another one took it: several can have one
   * address, or one name in different cases.
   */
  claim(username: string): boolean {
    const { usernameAttributes, caseSensitive } = this.pool;
    if (usernameAttributes.length === 0 && caseSensitive) return true;
    const number = this.#numbers.get(this.fold(username));
    if (number === undefined) return true;
    if (this.#claimed[number]) return false;
    this.#claimed[number] = true;
    return true;
  }

  isMember(groupName: string, username: string): boolean {
    const number = this.#numbers.get(this.fold(username));
    const members = this.#members.get(groupName);
    return number !== undefined && members !== undefined && has(members, number);
  }

  /** A name as the pool compares it. */
  fold(name: string): string {
    return this.pool.caseSensitive ? name : name.toLowerCase();
  }

  /**
   * The names beside the username by which a user with these attributes can sign in. No other user can have
   * one of them. An address is an alias once it is verified; one that is a username, always.
   */
  aliasesOf(attributes: ReadonlyMap<string, string>): string[] {
    const { usernameAttributes, aliasAttributes } = this.pool;
    const isAlias = (name: string) =>
      usernameAttributes.includes(name) ||
      (aliasAttributes.includes(name) &&
        (name === 'preferred_username' || attributes.get(`${name}_verified`) === 'true'));
    return ['email', 'phone_number', 'preferred_username']
      .filter(isAlias)
      .flatMap((name) => attributes.get(name) || [])
      .map((value) => this.fold(value));
  }
}

/** Binary search. */
function has(sorted: Uint32Array, number: number): boolean {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((sorted[middle] as number) < number) from = middle + 1;
    else to = middle;
  }
  return sorted[from] === number;
}
