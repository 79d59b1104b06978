import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

/** What a hash starts with, before the id of its key. */
const PREFIX = 'hmac-sha256:';
const HASHED = /^hmac-sha256:[0-9a-f]{8}:[0-9a-f]{64}$/;

/** True if the text has the form of a hash, of whatever key. */
export function isHashed(text: string): boolean {
  return HASHED.test(text);
}

/**
 * The key of MIRROR_HASH_KEY: replaces values by hashes that only its holder can compute. The same value
 * of another pool or attribute has another hash, so that hashes do not link them.
 */
export class HashKey {
  /** Tells keys apart: 32 bits of an HMAC, which does not help to guess the key. */
  readonly id: string;
  /** A key object does not show its bytes when it is printed. */
  readonly #key: KeyObject;

  /** @param secret its bytes in UTF-8 are the key. */
  constructor(secret: string) {
    this.#key = createSecretKey(secret, 'utf8');
    this.id = this.#hmac('cognito-mirror key id').slice(0, 8);
  }

  /**
   * The hash of a value, such as `hmac-sha256:1f2e3d4c:` and 64 digits. It is the HMAC-SHA-256 of pool
   * id, attribute and value with U+0000 between them, which the first two cannot contain. E-mail
   * addresses are hashed in lower case, because they compare without regard to case.
   */
  hash(poolId: string, attribute: string, value: string): string {
    const text = attribute === 'email' ? value.toLowerCase() : value;
    return `${PREFIX}${this.id}:${this.#hmac(`${poolId}\0${attribute}\0${text}`)}`;
  }

  #hmac(text: string): string {
    return createHmac('sha256', this.#key).update(text, 'utf8').digest('hex');
  }
}
