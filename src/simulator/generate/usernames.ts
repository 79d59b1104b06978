import { mix } from './random.ts';
import type { SubTable } from './sub-table.ts';
import { HANDLES, USERNAME_WORDS } from './words.ts';

/** What native users are called in a pool: their sub, an e-mail address, or a name. */
export const USERNAME_STYLES = ['sub', 'email', 'plain'] as const;
export type UsernameStyle = (typeof USERNAME_STYLES)[number];

/** The identity providers of every generated pool; a federated user's name begins with one. */
export const PROVIDERS = ['Google', 'Facebook', 'SAML'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** Where a profile comes from; a linked one is native and carries `identities`. */
export type Origin = 'native' | 'linked' | Provider;

/** An odd multiplier, and its inverse modulo 2^32: codes hide the index and lead back to it. */
const MULTIPLIER = 0x9e3779b1;
const INVERSE = inverseOf(MULTIPLIER);

/** How a code stands in each kind of name: the index is read back from it. */
const CODE_IN_NAME = {
  email: /\.([0-9a-z]+)@/,
  plain: /-([0-9a-z]+)$/,
  Google: /^Google_1(\d{10})/,
  Facebook: /^Facebook_(\d{10})/,
  SAML: /\.([0-9a-z]+)@/,
} as const;

/** Names of generated users, made from the index and led back to it without any table. */
export class Usernames {
  readonly #subs: SubTable;
  readonly #seed: number;
  readonly #style: UsernameStyle;

  constructor(subs: SubTable, seed: number, style: UsernameStyle) {
    this.#subs = subs;
    this.#seed = seed;
    this.#style = style;
  }

  /** Where the profile of this index comes from: 18 % from providers, 4 % linked. */
  originOf(index: number): Origin {
    const percent = mix(this.#seed ^ 0x0f1, index) % 100;
    if (percent < 9) return 'Google';
    if (percent < 13) return 'Facebook';
    if (percent < 18) return 'SAML';
    return percent < 22 ? 'linked' : 'native';
  }

  /** The name of the user of this index. */
  at(index: number): string {
    const origin = this.originOf(index);
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

  /** The index of the generated user of this name, or -1. */
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

/** The inverse of an odd number modulo 2^32, by Newton's iteration: each step doubles the bits. */
function inverseOf(odd: number): number {
  let inverse = odd;
  for (let step = 0; step < 5; step += 1) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse));
  return inverse >>> 0;
}
