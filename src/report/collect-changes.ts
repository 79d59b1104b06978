import type { Change, GroupChange, SettingChange, UserChange } from '../history/changes.ts';
import type { Listed } from '../model/report-source.ts';

/** The most names of those who came to a group or went. */
const MOST_NAMES = 20;

/** The first of many, and how many there are. */
class Collected<T> implements Listed<T> {
  readonly #limit: number;
  readonly shown: T[] = [];
  total = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(each: T): void {
    this.total += 1;
    if (this.shown.length < this.#limit) this.shown.push(each);
  }
}

/** Who came to a group and went. */
export interface Moves {
  readonly joined: Listed<string>;
  readonly left: Listed<string>;
}

/** Keeps the first changes of each kind, and who came to some groups and went. */
export class ChangeCollector {
  readonly #limit: number;
  readonly #moves: ReadonlyMap<string, { joined: Collected<string>; left: Collected<string> }>;
  readonly users: Record<UserChange['kind'], UserChange[]> = {
    added: [],
    removed: [],
    modified: [],
    replaced: [],
  };
  readonly groups: GroupChange[] = [];
  readonly settings: SettingChange[] = [];

  /**
   * @param limit the most changes of each kind that it keeps
   * @param groupNames the groups whose moves it keeps
   */
  constructor(limit: number, groupNames: Iterable<string>) {
    this.#limit = limit;
    this.#moves = new Map(
      [...groupNames].map((name) => [
        name,
        { joined: new Collected<string>(MOST_NAMES), left: new Collected<string>(MOST_NAMES) },
      ]),
    );
  }

  /** @param groupName one of those that the constructor got */
  movesOf(groupName: string): Moves {
    const none = new Collected<string>(0);
    return this.#moves.get(groupName) ?? { joined: none, left: none };
  }

  add(change: Change): void {
    const kept = this.#listOf(change);
    if (kept.length < this.#limit) kept.push(change);
    if (change.entity !== 'user') return;
    for (const name of change.groups.added) this.#moves.get(name)?.joined.add(change.username);
    for (const name of change.groups.removed) this.#moves.get(name)?.left.add(change.username);
  }

  #listOf(change: Change): Change[] {
    switch (change.entity) {
      case 'user':
        return this.users[change.kind];
      case 'group':
        return this.groups;
      case 'setting':
        return this.settings;
    }
  }
}
