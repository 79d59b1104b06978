import { mix, Random } from './random.ts';

/** The four hex digits of every 16-bit number. Subs are formatted often, so the table pays off. */
const HEX4 = Array.from({ length: 0x1_0000 }, (_, n) => n.toString(16).padStart(4, '0'));

const KEY_LIMIT = 2 ** 48;
const SECOND_DIGIT = 2 ** 40;

/**
 * The subs of a pool's generated users in ascending order: the index of a user is its rank. Stores
 * the first 12 hex digits in eight bytes per user; the rest follows from seed and index.
 */
export class SubTable {
  readonly #seed: number;
  readonly #keys: Float64Array;

  /** `secondDigit`, 0 to 15, is the second hex digit of every sub, as in newer pools. */
  constructor(count: number, seed: number, secondDigit?: number) {
    this.#seed = seed;
    const random = new Random(mix(seed, 0x5b5));
    const keys = new Float64Array(count);
    for (let i = 0; i < count; i += 1) {
      const key = (random.bits() % 0x100_0000) * 0x100_0000 + (random.bits() % 0x100_0000);
      keys[i] = secondDigit === undefined ? key : withSecondDigit(key, secondDigit);
    }
    keys.sort();
    separate(keys);
    this.#keys = keys;
  }

  get size(): number {
    return this.#keys.length;
  }

  /** The sub of the user at this index: a version 4 UUID in lower-case hex. */
  at(index: number): string {
    const key = this.#keys[index] as number;
    const high = Math.floor(key / 0x1_0000_0000);
    const low = key % 0x1_0000_0000;
    const a = mix(this.#seed, index);
    const b = mix(a, 0x50b);
    return `${HEX4[high]}${HEX4[low >>> 16]}-${HEX4[low & 0xffff]}-${
      HEX4[0x4000 | (a & 0xfff)]
    }-${HEX4[0x8000 | ((a >>> 12) & 0x3fff)]}-${HEX4[a >>> 16]}${HEX4[b >>> 16]}${HEX4[b & 0xffff]}`;
  }

  /** The index of the first user whose sub is not below this text. */
  lowerBound(text: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle) < text) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The index of the user with this sub, or -1. */
  indexOf(sub: string): number {
    const index = this.lowerBound(sub);
    return index < this.size && this.at(index) === sub ? index : -1;
  }
}

function withSecondDigit(key: number, digit: number): number {
  const first = Math.floor(key / (SECOND_DIGIT * 16));
  return first * SECOND_DIGIT * 16 + digit * SECOND_DIGIT + (key % SECOND_DIGIT);
}

/** Makes sorted keys distinct: duplicates are possible even among 2^48. */
function separate(keys: Float64Array): void {
  for (let i = 1; i < keys.length; i += 1) {
    const previous = keys[i - 1] as number;
    if ((keys[i] as number) <= previous) keys[i] = Math.min(previous + 1, KEY_LIMIT - 1);
  }
}
