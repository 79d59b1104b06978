import { COLUMNS } from '../model/columns.ts';
import type { User } from '../model/directory.ts';
import type { PrivacyRecord, PrivacyRules } from '../model/privacy.ts';
import { type HashKey, isHashed } from './hash-key.ts';

/** A row of `users` or `changes` in an archive, as `COLUMNS` describes it. */
export type Row = Readonly<Record<string, unknown>>;

/** Gets the name of a field that stays and has the text of a hidden attribute. Both are names, not data. */
export type OnRevealed = (field: string, attribute: string) => void;

interface MaskOptions {
  readonly poolId: string;
  readonly rules: PrivacyRules;
  /** Null if the rules hash nothing. */
  readonly key: HashKey | null;
  /** What was hidden before: it stays so, by the keys of that time. */
  readonly before?: PrivacyRecord | null;
  readonly onRevealed?: OnRevealed | undefined;
}

/** The columns that Postgres computes from attributes of the same name. */
const GENERATED = COLUMNS.users.filter(({ origin }) => origin === 'generated');

/** Shorter texts are found everywhere. */
const SHORTEST_REVEALED = 6;

/** Hides attributes of users of one pool in one place, by its rules. */
export class Mask {
  /** What it hides; null if nothing. */
  readonly record: PrivacyRecord | null;
  readonly #poolId: string;
  readonly #key: HashKey | null;
  readonly #onRevealed: OnRevealed | undefined;
  readonly #revealed = new Set<string>();

  constructor({ poolId, rules, key, before = null, onRevealed }: MaskOptions) {
    const omitted = [...new Set([...rules.omit, ...(before?.omitted ?? [])])].sort();
    const hashed = { ...keyIds(rules, key), ...before?.hashed };
    for (const name of omitted) delete hashed[name];
    const hidesNothing = omitted.length === 0 && Object.keys(hashed).length === 0;
    this.record = hidesNothing ? null : { omitted, hashed };
    this.#poolId = poolId;
    this.#key = key;
    this.#onRevealed = onRevealed;
  }

  /** A user as the service gave it. */
  hideUser(user: User): User {
    if (this.record === null) return user;
    this.#findRevealed(user.username, user.attributes);
    return {
      ...user,
      attributes: this.#hide(user.attributes, (name, value) => this.#hash(name, value)),
      escaped: user.escaped.filter((name) => !this.#hides(name)),
    };
  }

  /** A user as Postgres has it. Values that are hashed already stay. */
  hideStored(user: User): User {
    if (this.record === null) return user;
    return {
      ...user,
      attributes: this.#hide(user.attributes, (name, value) => this.#hashOnce(name, value)),
      escaped: user.escaped.filter((name) => !this.#hides(name)),
    };
  }

  /** A row of `users` from Postgres, with the columns that come from attributes. */
  hideRow(row: Row): Row {
    const { username, attributes: stored, escaped } = row as unknown as User;
    this.#findRevealed(username, stored);
    const attributes = this.#hide(stored, (name, value) => this.#hashOnce(name, value));
    const hidden: Record<string, unknown> = {
      ...row,
      attributes,
      escaped: escaped.filter((name) => !this.#hides(name)),
    };
    for (const { name, type } of GENERATED) {
      if (this.#hides(name)) hidden[name] = type === 'text' ? (attributes[name] ?? null) : null;
    }
    return hidden;
  }

  /** A row of `changes` from Postgres; null if nothing differs that may show. */
  hideChange(row: Row): Row | null {
    const { entity, kind, changed } = row as { entity: string; kind: string; changed: string[] };
    if (entity !== 'user') return row;
    const [before, after] = ['before', 'after'].map((side) => {
      const version = row[side] as Row | null;
      return version && this.hideRow(version);
    });
    const hidden = { ...row, before, after };
    if (kind !== 'modified') return hidden;
    const differs = (name: string) => {
      if (name !== 'escaped' && !this.#hides(name)) return true;
      return shownValue(before as Row, name) !== shownValue(after as Row, name);
    };
    const shown = changed.filter(differs);
    return shown.length === 0 ? null : { ...hidden, changed: shown };
  }

  #hides(name: string): boolean {
    const { omitted = [], hashed = {} } = this.record ?? {};
    return omitted.includes(name) || Object.hasOwn(hashed, name);
  }

  /** A copy without prototype, because `__proto__` is a valid name. */
  #hide(
    attributes: Readonly<Record<string, string>>,
    hash: (name: string, value: string) => string | null,
  ): Record<string, string> {
    const copy = Object.assign(Object.create(null), attributes) as Record<string, string>;
    const { omitted = [], hashed = {} } = this.record ?? {};
    for (const name of omitted) delete copy[name];
    for (const name of Object.keys(hashed)) {
      const value = copy[name];
      if (value === undefined) continue;
      const hashed = hash(name, value);
      if (hashed === null) delete copy[name];
      else copy[name] = hashed;
    }
    return copy;
  }

  /** Null without a key: what cannot be hashed any more is left out. */
  #hash(name: string, value: string): string | null {
    return this.#key?.hash(this.#poolId, name, value) ?? null;
  }

  #hashOnce(name: string, value: string): string | null {
    return isHashed(value) ? value : this.#hash(name, value);
  }

  /** Hiding an attribute is of no use while another field repeats it, such as a username. */
  #findRevealed(username: string, attributes: Readonly<Record<string, string>>): void {
    if (this.#onRevealed === undefined || this.record === null) return;
    for (const name of [...this.record.omitted, ...Object.keys(this.record.hashed)]) {
      const value = attributes[name]?.toLowerCase() ?? '';
      if (value.length < SHORTEST_REVEALED || isHashed(value)) continue;
      for (const [field, text] of [['username', username], ...Object.entries(attributes)]) {
        const pair = `${field} ${name}`;
        if (field === undefined || this.#hides(field) || this.#revealed.has(pair)) continue;
        if (!text?.toLowerCase().includes(value)) continue;
        this.#revealed.add(pair);
        this.#onRevealed(field, name);
      }
    }
  }
}

function keyIds({ hash }: PrivacyRules, key: HashKey | null): Record<string, string> {
  if (key === null) return {};
  return Object.fromEntries(hash.toSorted().map((name) => [name, key.id]));
}

/** The value of an attribute, or of the column `escaped`, in a form that compares. */
function shownValue(row: Row, name: string): string | undefined {
  if (name === 'escaped') return JSON.stringify(row['escaped']);
  return (row['attributes'] as Readonly<Record<string, string>>)[name];
}
