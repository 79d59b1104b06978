import type { PrivacyRecord, PrivacyRules } from '../model/privacy.ts';
import type { HashKey } from './hash-key.ts';
import { Mask, type OnRevealed } from './mask.ts';

interface PoolPrivacyOptions {
  readonly poolId: string;
  /** The rules of Postgres. */
  readonly database: PrivacyRules;
  /** The rules of the archive, which hold in addition. */
  readonly archive: PrivacyRules;
  readonly key: HashKey | null;
  readonly onRevealed?: OnRevealed;
}

/** The rules of one pool, for both places that keep its users. */
export class PoolPrivacy {
  /** Applies to users before anything is staged. */
  readonly database: Mask;
  readonly #options: PoolPrivacyOptions;

  constructor(options: PoolPrivacyOptions) {
    const { database: rules } = options;
    this.#options = options;
    this.database = new Mask({ ...options, rules });
  }

  /**
   * The keyed hash by which a person who was forgotten is known again. No attribute has this name, so it
   * equals no hash of an attribute. Null without a key.
   */
  hashSub(sub: string): string | null {
    const { key, poolId } = this.#options;
    return key?.hash(poolId, 'forgotten sub', sub) ?? null;
  }

  /**
   * Applies to the rows of an archived snapshot. What Postgres leaves out is left out here too, also of
   * old versions that Postgres still has in the clear.
   *
   * @param published what Postgres hid when the snapshot was read.
   */
  archiveMask(published: PrivacyRecord | null): Mask {
    const { database, archive, ...options } = this.#options;
    const rules = {
      omit: [...database.omit, ...archive.omit],
      hash: [...database.hash, ...archive.hash],
    };
    return new Mask({ ...options, rules, before: published });
  }
}
