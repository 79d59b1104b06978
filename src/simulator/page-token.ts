import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { invalidParameter, type ServiceError } from './errors.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Where a chain of pages stands. */
export interface ChainState {
  /** Where the listing goes on, in the listing's own form; undefined where it has not begun. */
  readonly position: number | string | undefined;
  /** The last item given, if any: a fault may repeat it. */
  readonly last?: number | string | undefined;
  /** True if the page that gave the token was made empty by a fault. */
  readonly afterEmpty?: boolean | undefined;
}

interface Sealed extends ChainState {
  readonly scope: string;
  readonly issuedAt: number;
}

/**
 * Page tokens: opaque to the client, bound to what was asked for, and short-lived. The key comes
 * from the seed, so that tokens outlive a restart of the simulator as they do the service's.
 */
export class PageTokens {
  readonly #key: Buffer;
  readonly #ttlMs: number;
  readonly #now: () => number;

  /** `ttlSeconds` counts from the issue of each token; `now` is in milliseconds. */
  constructor(seed: number, ttlSeconds: number, now: () => number) {
    this.#key = createHash('sha256').update(`page tokens of ${seed}`).digest();
    this.#ttlMs = ttlSeconds * 1000;
    this.#now = now;
  }

  /** A token for going on from `state`, with a request of the same scope. */
  issue(scope: string, state: ChainState): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv);
    const sealed: Sealed = { ...state, scope, issuedAt: this.#now() };
    const body = Buffer.concat([cipher.update(JSON.stringify(sealed), 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64');
  }

  /**
   * What a token stands for. Throws InvalidParameterException for one that is not ours, was given
   * for other parameters, or is too old.
   */
  redeem(token: string, scope: string, requestId: string): ChainState {
    const sealed = this.#open(token);
    if (sealed === undefined || sealed.scope !== scope) throw refusedToken(token, requestId);
    if (this.#now() - sealed.issuedAt > this.#ttlMs) {
      throw invalidParameter('Invalid pagination token: it has expired.');
    }
    return sealed;
  }

  #open(token: string): Sealed | undefined {
    const bytes = Buffer.from(token, 'base64');
    if (bytes.length <= IV_BYTES + TAG_BYTES || bytes.toString('base64') !== token)
      return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, IV_BYTES));
    decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    try {
      const body = decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES));
      return JSON.parse(Buffer.concat([body, decipher.final()]).toString('utf8')) as Sealed;
    } catch {
      return undefined;
    }
  }
}

/** The refusal of a token, in the service's own words: they hold the token itself. */
export function refusedToken(token: string, requestId: string): ServiceError {
  return invalidParameter(`Paging marker ${token} is invalid for request ${requestId}`);
}

/** What a token is bound to: the operation and the parameters that must stay the same. */
export function scopeOf(operation: string, parameters: readonly unknown[]): string {
  return createHash('sha256')
    .update(JSON.stringify([operation, ...parameters]))
    .digest('base64')
    .slice(0, 16);
}
