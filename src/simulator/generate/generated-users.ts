import type { UserRecord } from '../records.ts';
import { Profiles } from './profiles.ts';
import { mix } from './random.ts';
import { SubTable } from './sub-table.ts';
import { USERNAME_STYLES, type UsernameStyle, Usernames } from './usernames.ts';

/** How to generate the users of a pool. */
interface GenerateUsers {
  readonly count: number;
  readonly seed: number;
  /** The second hex digit of every sub, 0 to 15. Undefined: random. */
  readonly secondDigit?: number | undefined;
  /** The form of native usernames. Undefined: chosen by the seed, mostly `sub`. */
  readonly usernames?: UsernameStyle | undefined;
}

/** The generated users of a pool by index, sorted by sub. */
export class GeneratedUsers {
  readonly subs: SubTable;
  readonly usernames: Usernames;
  readonly #profiles: Profiles;

  constructor(options: GenerateUsers) {
    this.subs = new SubTable(options.count, options.seed, options.secondDigit);
    const style = options.usernames ?? chooseStyle(options.seed);
    this.usernames = new Usernames(this.subs, options.seed, style);
    this.#profiles = new Profiles(options.seed, this.subs, this.usernames);
  }

  get size(): number {
    return this.subs.size;
  }

  /** The generated user at an index. */
  at(index: number): UserRecord {
    return this.#profiles.at(index);
  }
}

function chooseStyle(seed: number): UsernameStyle {
  const draw = mix(seed, 0x584) % 5;
  return USERNAME_STYLES[Math.max(0, draw - 2)] as UsernameStyle;
}
