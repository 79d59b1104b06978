import { groupNotFound, ServiceError } from './errors.ts';
import type { GeneratedGroup } from './generate/groups.ts';
import type { GroupRecord } from './records.ts';

/** The service's limit (its quotas page). */
const MAX_GROUPS = 10_000;

/** The fields of a group to create or change. */
export interface GroupFields {
  readonly description?: string | null;
  readonly roleArn?: string | null;
  readonly precedence?: number | null;
}

interface Entry {
  group: GroupRecord;
  readonly members: MemberList;
}

/** The groups of a pool with the ids of their members. Throws if a group does not exist. */
export class GroupStore {
  readonly #entries = new Map<string, Entry>();
  #names: readonly string[];

  constructor(generated: readonly GeneratedGroup[]) {
    for (const { group, members } of generated) {
      this.#entries.set(group.groupName, { group, members: new MemberList(members) });
    }
    this.#names = [...this.#entries.keys()].sort();
  }

  /** The sorted names of all groups, in an array that is never changed. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** The names that sort after the given name. */
  namesAfter(name: string): readonly string[] {
    const at = this.#names.findIndex((other) => other > name);
    return at < 0 ? [] : this.#names.slice(at);
  }

  get(name: string): GroupRecord {
    return this.#find(name).group;
  }

  members(name: string): MemberList {
    return this.#find(name).members;
  }

  create(name: string, fields: GroupFields, now: number): GroupRecord {
    if (this.#entries.has(name)) {
      throw new ServiceError('GroupExistsException', 'A group with the name already exists.');
    }
    if (this.#entries.size >= MAX_GROUPS) {
      throw new ServiceError('LimitExceededException', 'Exceeded the number of groups in a pool.');
    }
    const group: GroupRecord = {
      groupName: name,
      description: fields.description ?? null,
      roleArn: fields.roleArn ?? null,
      precedence: fields.precedence ?? null,
      createdAt: now,
      modifiedAt: now,
    };
    this.#entries.set(name, { group, members: new MemberList() });
    this.#names = [...this.#names, name].sort();
    return group;
  }

  /** Changes only the given fields. */
  update(name: string, fields: GroupFields, now: number): GroupRecord {
    const entry = this.#find(name);
    entry.group = { ...entry.group, ...fields, modifiedAt: now };
    return entry.group;
  }

  delete(name: string): void {
    this.#find(name);
    this.#entries.delete(name);
    this.#names = this.#names.filter((other) => other !== name);
  }

  /** Removes a user from all groups. */
  removeUser(userId: number): void {
    for (const { members } of this.#entries.values()) members.delete(userId);
  }

  #find(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw groupNotFound();
    return entry;
  }
}

/** The ids of a group's members in ascending order, four bytes each. */
export class MemberList {
  #ids: Uint32Array;
  #size: number;

  /** Owns the array from now on; it must be ascending and without duplicates. */
  constructor(ids: Uint32Array = new Uint32Array(0)) {
    this.#ids = ids;
    this.#size = ids.length;
  }

  get size(): number {
    return this.#size;
  }

  has(id: number): boolean {
    const at = this.#lowerBound(id);
    return at < this.#size && this.#ids[at] === id;
  }

  /** Adds a member; false if it was one already. */
  add(id: number): boolean {
    const at = this.#lowerBound(id);
    if (at < this.#size && this.#ids[at] === id) return false;
    if (this.#size === this.#ids.length) {
      const grown = new Uint32Array(Math.max(8, this.#size * 2));
      grown.set(this.#ids);
      this.#ids = grown;
    }
    this.#ids.copyWithin(at + 1, at, this.#size);
    this.#ids[at] = id;
    this.#size += 1;
    return true;
  }

  /** Removes a member; false if it was not one. */
  delete(id: number): boolean {
    const at = this.#lowerBound(id);
    if (at >= this.#size || this.#ids[at] !== id) return false;
    this.#ids.copyWithin(at, at + 1, this.#size);
    this.#size -= 1;
    return true;
  }

  /** The members in ascending order, starting with id `from`. */
  *from(from: number): Generator<number> {
    for (let at = this.#lowerBound(from); at < this.#size; at += 1) yield this.#ids[at] as number;
  }

  #lowerBound(id: number): number {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ids[middle] as number) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
