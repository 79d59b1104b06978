import { groupNotFound, ServiceError } from './errors.ts';
import type { GeneratedGroup } from './generate/groups.ts';
import { MemberList } from './member-list.ts';
import type { GroupRecord } from './records.ts';

/** The most groups of a pool (the service's quotas page). */
const MAX_GROUPS = 10_000;

/** A group to create, or the fields to change of one. */
export interface GroupFields {
  readonly description?: string | null;
  readonly roleArn?: string | null;
  readonly precedence?: number | null;
}

interface Entry {
  group: GroupRecord;
  readonly members: MemberList;
}

/** The groups of a pool with their members' ids. What names an absent group throws. */
export class GroupStore {
  readonly #entries = new Map<string, Entry>();
  #names: readonly string[];

  constructor(generated: readonly GeneratedGroup[]) {
    for (const { group, members } of generated) {
      this.#entries.set(group.groupName, { group, members });
    }
    this.#names = [...this.#entries.keys()].sort();
  }

  /** The names of all groups, sorted; an array that never changes. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** The names that sort after the given one. */
  namesAfter(name: string): readonly string[] {
    const at = this.#names.findIndex((other) => other > name);
    return at < 0 ? [] : this.#names.slice(at);
  }

  get(name: string): GroupRecord {
    return this.#entryOf(name).group;
  }

  members(name: string): MemberList {
    return this.#entryOf(name).members;
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

  /** Changes the fields that are given, and no other. */
  update(name: string, fields: GroupFields, now: number): GroupRecord {
    const entry = this.#entryOf(name);
    entry.group = { ...entry.group, ...fields, modifiedAt: now };
    return entry.group;
  }

  delete(name: string): void {
    this.#entryOf(name);
    this.#entries.delete(name);
    this.#names = this.#names.filter((other) => other !== name);
  }

  /** Takes a user out of every group. */
  forget(userId: number): void {
    for (const { members } of this.#entries.values()) members.delete(userId);
  }

  #entryOf(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw groupNotFound();
    return entry;
  }
}
