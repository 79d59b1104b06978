import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { invalidParameter, type ServiceError } from './errors.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** The position in a listing after a page. */
interface ChainState {
  /** The position to continue from, in the form of the listing; undefined at its start. */
  readonly position: number | string | undefined;
  /** The last item returned, if any: a fault may repeat it. */
  readonly last?: number | string | undefined;
  /** True if a fault emptied the page that the token came with. */
  readonly afterEmpty?: boolean | undefined;
}

interface Sealed extends ChainState {
  readonly scope: string;
  readonly issuedAt: number;
}

/**
 * Page tokens: encrypted, bound to the parameters of the request, and short-lived. The key comes
 * from the seed, so that tokens stay valid after a restart, as in the service.
 */
export class PageTokens {
  readonly #key: Buffer;
  readonly #ttlMs: number;
  readonly #now: () => number;

  /** A token is valid for `ttlSeconds` from its issue; `now` is in milliseconds. */
  constructor(seed: number, ttlSeconds: number, now: () => number) {
    this.#key = createHash('sha256').update(`page tokens of ${seed}`).digest();
    this.#ttlMs = ttlSeconds * 1000;
    this.#now = now;
  }

  /** A token to continue from `state` with a request of the same scope. */
  issue(scope: string, state: ChainState): string {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv);
    const sealed: Sealed = { ...state, scope, issuedAt: this.#now() };
    const body = Buffer.concat([cipher.update(JSON.stringify(sealed), 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64');
  }

  /**
   * The state in a token. Throws InvalidParameterException if the token is not from this seed, was
   * issued for other parameters, or has expired.
   */
  redeem(token: string, scope: string, requestId: string): ChainState {
    const sealed = this.#open(token);
    if (sealed === undefined || sealed.scope !== scope) throw invalidToken(token, requestId);
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

/** The service's error for an invalid token. Its message contains the token. */
export function invalidToken(token: string, requestId: string): ServiceError {
  return invalidParameter(`Paging marker ${token} is invalid for request ${requestId}`);
}

/** A hash of the operation and the parameters that a token is bound to. */
export function hashScope(operation: string, parameters: readonly unknown[]): string {
  return createHash('sha256')
    .update(JSON.stringify([operation, ...parameters]))
    .digest('base64')
    .slice(0, 16);
}
