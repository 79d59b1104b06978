import type { SimulatedPool } from '../../src/simulator/pool.ts';
import { expectedGroup, expectedUser } from '../support/directory.ts';
import { canonical } from './canonical.ts';

/** What a user, a group or a membership was from a moment on; null where there was none. */
interface Version {
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly content: string | null;
}

/** What a pool or a snapshot of it holds, by key, in a form that compares. */
export type Content = ReadonlyMap<string, string>;

export const userKey = (username: unknown) => `user ${String(username)}`;
export const groupKey = (name: unknown) => `group ${String(name)}`;
export const membershipKey = (group: unknown, username: unknown) =>
  `membership ${String(group)}\n${String(username)}`;

/** Everything that a pool held, and when: its snapshots are compared with that. */
export class PoolLog {
  readonly #pool: SimulatedPool;
  readonly #versions = new Map<string, Version[]>();

  constructor(pool: SimulatedPool) {
    this.#pool = pool;
    this.#noteFrom(Number.NEGATIVE_INFINITY);
  }

  /** Notes what the pool holds from now on: after each single change, so that nothing is left out. */
  note(): void {
    this.#noteFrom(Date.now());
  }

  /** The keys of all that the pool ever held. */
  keys(): Iterable<string> {
    return this.#versions.keys();
  }

  /** The states of an entity between two moments: more than one if it changed. */
  heldBetween(key: string, from: number, to: number): (string | null)[] {
    const versions = this.#versions.get(key) ?? [ABSENT];
    return versions
      .filter((version, i) => version.from <= to && (versions[i + 1]?.from ?? to + 1) > from)
      .map(({ content }) => content);
  }

  #noteFrom(from: number): void {
    const content = contentOf(this.#pool);
    for (const [key, text] of content) this.#add(key, { from, content: text });
    for (const key of this.#versions.keys()) {
      if (!content.has(key)) this.#add(key, { from, content: null });
    }
  }

  #add(key: string, version: Version): void {
    const versions = this.#versions.get(key) ?? [ABSENT];
    if (versions.at(-1)?.content === version.content) return;
    versions.push(version);
    this.#versions.set(key, versions);
  }
}

const ABSENT: Version = { from: Number.NEGATIVE_INFINITY, content: null };

function contentOf(pool: SimulatedPool): Content {
  const { id } = pool.settings;
  const content = new Map<string, string>();
  for (const user of pool.users()) {
    content.set(userKey(user.username), canonical(expectedUser(id, user)));
  }
  for (const group of pool.groups()) {
    content.set(groupKey(group.groupName), canonical(expectedGroup(id, group)));
  }
  for (const { groupName, username, sub } of pool.memberships()) {
    content.set(membershipKey(groupName, username), canonical(sub));
  }
  return content;
}
