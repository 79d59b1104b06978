import type { GeneratedUsers } from './generate/generated-users.ts';
import type { UserRecord } from './records.ts';

/**
 * Where a listing stands: the number of generated slots passed, or, beyond them, the order key of
 * the last created user passed.
 */
export type Position = number | string;

/** One user of a listing, and where the listing stands after it. */
export interface Step {
  readonly id: number;
  readonly after: Position;
}

/**
 * The users of a pool. Generated ones take a byte each until they change; changed and created
 * ones are kept whole. A user's id is its index among the generated, or a later number, and is
 * never used again.
 */
export class UserStore {
  readonly #generated: GeneratedUsers;
  readonly #scatter: (slot: number) => number;
  readonly #deleted: Uint8Array;
  readonly #kept = new Map<number, UserRecord>();
  readonly #createdByName = new Map<string, number>();
  /** Created users in the order of their subs. */
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

  /** Ids are below this number. */
  get idLimit(): number {
    return this.#nextId;
  }

  /** The user of this id, or undefined if there is none any more. */
  get(id: number): UserRecord | undefined {
    const kept = this.#kept.get(id);
    if (kept !== undefined) return kept;
    if (id >= this.#generated.size || this.#deleted[id] === 1) return undefined;
    return this.#generated.at(id);
  }

  /** The id of the user of this name, or of this sub. */
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

  /** Adds a user, whose name must be free, and returns its id. */
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

  /** Puts a changed profile, of the same name and sub, in the place of the old one. */
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

  /** Every user, in an order that tells nothing of when users were created. */
  *list(from: Position = 0): Generator<Step> {
    if (typeof from === 'number') {
      for (let slot = from; slot < this.#generated.size; slot += 1) {
        const id = this.#scatter(slot);
        if (this.#deleted[id] === 0) yield { id, after: slot + 1 };
      }
    }
    yield* this.#listCreated('', from);
  }

  /** The users whose sub begins with the prefix; costs nothing for the users it passes over. */
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
      // Looked up anew at each step: users may come and go while a listing is open.
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

/** Orders created users by sub; those of equal or no sub by their id. */
function orderKey(sub: string, id: number): string {
  return `${sub}\0${String(id).padStart(12, '0')}`;
}

/**
 * A fixed order of `0` up to `size` that looks like none: slot numbers lead to indices by steps of
 * about the golden ratio of the size. Every index comes up once.
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
