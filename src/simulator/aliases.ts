import { ServiceError } from './errors.ts';
import type { PoolSettings, UserRecord } from './records.ts';

/** Names by which users sign in instead of their username: each belongs to one user. */
export class Aliases {
  readonly #settings: PoolSettings;
  readonly #ids = new Map<string, number>();

  /** `users` are those that the pool has already, with their ids. */
  constructor(settings: PoolSettings, users: Iterable<readonly [id: number, user: UserRecord]>) {
    this.#settings = settings;
    // Most pools have none, and may have millions of users to generate.
    if (settings.usernameAttributes.length + settings.aliasAttributes.length === 0) return;
    // Generated users may share an address: the first one has it as its alias.
    for (const [id, user] of users) this.#add(id, user);
  }

  find(alias: string): number | undefined {
    return this.#ids.get(alias.toLowerCase());
  }

  /**
   * Gives a user the aliases of its attributes, in place of those that it had before.
   *
   * @param before the user without its change; undefined for a new user
   * @throws ServiceError if another user has one of them: nothing is changed then
   */
  replace(id: number, before: UserRecord | undefined, after: UserRecord): void {
    for (const [attribute, alias] of this.#aliasesOf(after)) {
      const owner = this.#ids.get(alias);
      if (owner !== undefined && owner !== id)
        throw this.#conflict(attribute, before === undefined);
    }
    if (before !== undefined) this.remove(id, before);
    this.#add(id, after);
  }

  remove(id: number, user: UserRecord): void {
    for (const [, alias] of this.#aliasesOf(user)) {
      if (this.#ids.get(alias) === id) this.#ids.delete(alias);
    }
  }

  #add(id: number, user: UserRecord): void {
    for (const [, alias] of this.#aliasesOf(user)) {
      if (!this.#ids.has(alias)) this.#ids.set(alias, id);
    }
  }

  /** An address is an alias once it is verified; in a pool that signs in by it, always. */
  *#aliasesOf({ attributes }: UserRecord): Generator<readonly [attribute: string, alias: string]> {
    const { usernameAttributes, aliasAttributes } = this.#settings;
    for (const attribute of [...usernameAttributes, ...aliasAttributes]) {
      const value = attributes.get(attribute);
      const counts =
        attribute === 'preferred_username' ||
        usernameAttributes.includes(attribute) ||
        attributes.get(`${attribute}_verified`) === 'true';
      if (value !== undefined && value !== '' && counts) yield [attribute, value.toLowerCase()];
    }
  }

  #conflict(attribute: string, isNew: boolean): ServiceError {
    const message = `An account with the given ${attribute} already exists.`;
    const isUsername = this.#settings.usernameAttributes.includes(attribute);
    const type = isUsername && isNew ? 'UsernameExistsException' : 'AliasExistsException';
    return new ServiceError(type, message);
  }
}
