import type { GeneratedUsers } from './generate/generated-users.ts';
import type { UserRecord } from './records.ts';

/**
 * A position in a listing: the number of generated slots passed, or, after those, the order key of
 * the last created user passed.
 */
export type Position = number | string;

/** One user of a listing, and the position after it. */
export interface Step {
  readonly id: number;
  readonly after: Position;
}

/**
 * The users of a pool. A generated user takes one byte until it changes; changed and created users
 * are stored in full. The id of a generated user is its index, that of a created one a later number.
 * Ids are never reused.
 */
export class UserStore {
  readonly #generated: GeneratedUsers;
  readonly #scatter: (slot: number) => number;
  readonly #deleted: Uint8Array;
  readonly #kept = new Map<number, UserRecord>();
  readonly #createdByName = new Map<string, number>();
  /** Created users, sorted by sub. */
  readonly #createdOrder: { readonly key: string; readonly id: number }[] = [];
  #nextId: number;
  #size: number;

  constructor(generated: GeneratedUsers) {
    this.#generated = generated;
    this.#scatter = createScatter(generated.size);
    this.#deleted = new Uint8Array(generated.size);
    this.#nextId = generated.size;
    this.#size = generated.size;
  }

  get size(): number {
    return this.#size;
  }

  /** All ids are below this number. */
  get idLimit(): number {
    return this.#nextId;
  }

  /** The user with this id, or undefined if it was deleted. */
  get(id: number): UserRecord | undefined {
    const kept = this.#kept.get(id);
    if (kept !== undefined) return kept;
    if (id >= this.#generated.size || this.#deleted[id] === 1) return undefined;
    return this.#generated.at(id);
  }

  /** The id of the user with this username or sub. */
  find(usernameOrSub: string): number | undefined {
    const created = this.#createdByName.get(usernameOrSub);
    if (created !== undefined) return created;
    const { usernames, subs } = this.#generated;
    for (const index of [usernames.indexOf(usernameOrSub), subs.indexOf(usernameOrSub)]) {
      if (index >= 0 && this.#deleted[index] === 0) return index;
    }
    const at = this.#createdFrom(orderKey(usernameOrSub, 0));
    const next = this.#createdOrder[at];
    return next?.key.startsWith(`${usernameOrSub}\0`) ? next.id : undefined;
  }

  /** Adds a user and returns its id. The username must be free. */
  insert(user: UserRecord): number {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#kept.set(id, user);
    this.#createdByName.set(user.username, id);
    const key = orderKey(user.attributes.get('sub') ?? '', id);
    this.#createdOrder.splice(this.#createdFrom(key), 0, { key, id });
    this.#size += 1;
    return id;
  }

  /** Replaces a user. The username and sub must stay the same. */
  replace(id: number, user: UserRecord): void {
    this.#kept.set(id, user);
  }

  delete(id: number): void {
    const user = this.get(id);
    if (user === undefined) return;
    this.#kept.delete(id);
    if (id < this.#generated.size) {
      this.#deleted[id] = 1;
    } else {
      this.#createdByName.delete(user.username);
      const at = this.#createdFrom(orderKey(user.attributes.get('sub') ?? '', id));
      this.#createdOrder.splice(at, 1);
    }
    this.#size -= 1;
  }

  /** All users, in an order that is unrelated to when they were created. */
  *list(from: Position = 0): Generator<Step> {
    if (typeof from === 'number') {
      for (let slot = from; slot < this.#generated.size; slot += 1) {
        const id = this.#scatter(slot);
        if (this.#deleted[id] === 0) yield { id, after: slot + 1 };
      }
    }
    yield* this.#listCreated('', from);
  }

  /** The users whose sub starts with the prefix. Other users cost no time. */
  *listBySub(prefix: string, from: Position = 0): Generator<Step> {
    if (typeof from === 'number') {
      const end = this.#generated.subs.lowerBound(`${prefix}\uffff`);
      const start = this.#generated.subs.lowerBound(prefix) + from;
      for (let id = start; id < end; id += 1) {
        if (this.#deleted[id] === 0) yield { id, after: id + 1 - start + from };
      }
    }
    yield* this.#listCreated(prefix, from);
  }

  *#listCreated(prefix: string, from: Position): Generator<Step> {
    let last = typeof from === 'string' ? from : undefined;
    for (;;) {
      // Looked up at every step, because users can change while a listing is open.
      const at = this.#createdFrom(last === undefined ? prefix : `${last}\0`);
      const next = this.#createdOrder[at];
      if (next === undefined || !next.key.startsWith(prefix)) return;
      last = next.key;
      yield { id: next.id, after: next.key };
    }
  }

  #createdFrom(key: string): number {
    let low = 0;
    let high = this.#createdOrder.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#createdOrder[middle]?.key ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Sorts created users by sub, and those with the same or no sub by id. */
function orderKey(sub: string, id: number): string {
  return `${sub}\0${String(id).padStart(12, '0')}`;
}

/**
 * A fixed permutation of the numbers below `size` that looks random: each slot advances by about the
 * golden ratio of the size.
 */
function createScatter(size: number): (slot: number) => number {
  let step = Math.max(1, Math.floor(size * 0.6180339887));
  while (greatestCommonDivisor(step, size) > 1) step += 1;
  const offset = Math.floor(size / 3);
  return (slot) => (offset + slot * step) % size;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
