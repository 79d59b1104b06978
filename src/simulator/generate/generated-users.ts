import type { UserRecord } from '../records.ts';
import { Profiles } from './profiles.ts';
import { mix } from './random.ts';
import { SubTable } from './sub-table.ts';
import { USERNAME_STYLES, type UsernameStyle, Usernames } from './usernames.ts';

/** How a pool's users are generated. */
export interface GenerateUsers {
  readonly count: number;
  readonly seed: number;
  /** Every sub's second hex digit, 0 to 15, where given. */
  readonly secondDigit?: number | undefined;
  /** What native users are called; by the seed where absent, their sub in most pools. */
  readonly usernames?: UsernameStyle | undefined;
}

/** The generated users of a pool, by their index: 0 up to `size`, in the order of their subs. */
export class GeneratedUsers {
  readonly subs: SubTable;
  readonly usernames: Usernames;
  readonly #profiles: Profiles;

  constructor(options: GenerateUsers) {
    this.subs = new SubTable(options.count, options.seed, options.secondDigit);
    const style = options.usernames ?? styleOf(options.seed);
    this.usernames = new Usernames(this.subs, options.seed, style);
    this.#profiles = new Profiles(options.seed, this.subs, this.usernames);
  }

  get size(): number {
    return this.subs.size;
  }

  /** The profile as it was generated. */
  at(index: number): UserRecord {
    return this.#profiles.at(index);
  }
}

function styleOf(seed: number): UsernameStyle {
  const draw = mix(seed, 0x584) % 5;
  return USERNAME_STYLES[Math.max(0, draw - 2)] as UsernameStyle;
}
