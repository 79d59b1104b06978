import { mix } from './random.ts';
import type { SubTable } from './sub-table.ts';
import { HANDLES, USERNAME_WORDS } from './words.ts';

/** The form of native usernames in a pool: the sub, an e-mail address, or a name. */
export const USERNAME_STYLES = ['sub', 'email', 'plain'] as const;
export type UsernameStyle = (typeof USERNAME_STYLES)[number];

/** The identity providers of every generated pool. Federated usernames start with one. */
export const PROVIDERS = ['Google', 'Facebook', 'SAML'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** The origin of a user. A linked user is native and has `identities`. */
export type Origin = 'native' | 'linked' | Provider;

/** An odd multiplier and its inverse modulo 2^32: they turn an index into a code and back. */
const MULTIPLIER = 0x9e3779b1;
const INVERSE = invert(MULTIPLIER);

/** How to find the code in each form of username, to get the index from it. */
const CODE_IN_NAME = {
  email: /\.([0-9a-z]+)@/,
  plain: /-([0-9a-z]+)$/,
  Google: /^Google_1(\d{10})/,
  Facebook: /^Facebook_(\d{10})/,
  SAML: /\.([0-9a-z]+)@/,
} as const;

/** The usernames of generated users. Converts between index and username without a table. */
export class Usernames {
  readonly #subs: SubTable;
  readonly #seed: number;
  readonly #style: UsernameStyle;

  constructor(subs: SubTable, seed: number, style: UsernameStyle) {
    this.#subs = subs;
    this.#seed = seed;
    this.#style = style;
  }

  /** The origin of the user at this index: 18 % are federated, 4 % linked. */
  findOrigin(index: number): Origin {
    const percent = mix(this.#seed ^ 0x0f1, index) % 100;
    if (percent < 9) return 'Google';
    if (percent < 13) return 'Facebook';
    if (percent < 18) return 'SAML';
    return percent < 22 ? 'linked' : 'native';
  }

  /** The username of the user at this index. */
  at(index: number): string {
    const origin = this.findOrigin(index);
    const code = (Math.imul(index, MULTIPLIER) ^ this.#seed) >>> 0;
    const salt = mix(this.#seed, code);
    switch (origin) {
      case 'Google':
        return `Google_1${digits(code)}${digits(salt)}`;
      case 'Facebook':
        return `Facebook_${digits(code)}${digits(salt).slice(3)}`;
      case 'SAML':
        return `SAML_${HANDLES[salt % HANDLES.length]}.${code.toString(36)}@corp.example`;
      default:
        if (this.#style === 'sub') return this.#subs.at(index);
        if (this.#style === 'email')
          return `${HANDLES[salt % HANDLES.length]}.${code.toString(36)}@example.com`;
        return `${USERNAME_WORDS[salt % USERNAME_WORDS.length]}-${code.toString(36)}`;
    }
  }

  /** The index of the generated user with this username, or -1. */
  indexOf(username: string): number {
    const provider = PROVIDERS.find((name) => username.startsWith(`${name}_`));
    const kind = provider ?? this.#style;
    const index = kind === 'sub' ? this.#subs.indexOf(username) : this.#decode(kind, username);
    return index >= 0 && index < this.#subs.size && this.at(index) === username ? index : -1;
  }

  #decode(kind: keyof typeof CODE_IN_NAME, username: string): number {
    const code = CODE_IN_NAME[kind].exec(username)?.[1];
    if (code === undefined) return -1;
    const radix = kind === 'Google' || kind === 'Facebook' ? 10 : 36;
    return Math.imul(Number.parseInt(code, radix) ^ this.#seed, INVERSE) >>> 0;
  }
}

function digits(number: number): string {
  return String(number).padStart(10, '0');
}

/** The inverse of an odd number modulo 2^32 by Newton's method: each step doubles the bits. */
function invert(odd: number): number {
  let inverse = odd;
  for (let step = 0; step < 5; step += 1) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse));
  return inverse >>> 0;
}
