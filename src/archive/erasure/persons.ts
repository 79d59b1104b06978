/** A person in a pool: a username with its `sub`, which is null if the pool did not give one. */
export interface Person {
  readonly username: string;
  readonly sub: string | null;
}

/** A person with how many rows are about them. */
export interface FoundPerson extends Person {
  readonly rows: number;
}

/** The columns by which a row of users, memberships or changes is about a person. */
interface PersonColumns {
  readonly username?: unknown;
  readonly sub?: unknown;
}

/**
 * Recognizes the rows of persons. A name that belongs to another person, who has another `sub`, is not
 * theirs. A row without `sub` is, if it has their name.
 */
export class PersonFilter {
  readonly usernames: ReadonlySet<string>;
  readonly subs: ReadonlySet<string>;

  constructor(persons: readonly Person[]) {
    this.usernames = new Set(persons.map(({ username }) => username));
    this.subs = new Set(persons.flatMap(({ sub }) => sub ?? []));
  }

  isAbout({ username, sub }: PersonColumns): boolean {
    if (typeof username !== 'string' || !this.usernames.has(username)) return false;
    return typeof sub !== 'string' || this.subs.has(sub);
  }
}

/** Counts rows by person. */
export class PersonTally {
  readonly #found = new Map<string, FoundPerson>();

  get found(): FoundPerson[] {
    return [...this.#found.values()];
  }

  add({ username, sub }: Person, rows = 1): void {
    const key = JSON.stringify([username, sub]);
    this.#found.set(key, { username, sub, rows: rows + (this.#found.get(key)?.rows ?? 0) });
  }
}
