/**
 * A request that a proxy did not carry: the proxy could not be reached, refused the request, or the
 * connection through it failed. The message names the proxy without its password.
 */
export class ProxyError extends Error {
  /** The system's code of the failure, such as ECONNREFUSED, or `PROXY_STATUS`. */
  readonly code: string;
  /** `http://proxy:3128`, without user and password. */
  readonly proxy: string;
  /** What the proxy answered in place of the service; null where it gave no answer. */
  readonly status: number | null;

  constructor(proxy: URL, reason: { code: string } | { status: number }) {
    const status = 'status' in reason ? reason.status : null;
    const code = 'code' in reason ? reason.code : 'PROXY_STATUS';
    super(`The proxy ${proxy.protocol}//${proxy.host} failed (${status ?? code}).`);
    this.name = 'ProxyError';
    this.code = code;
    this.proxy = `${proxy.protocol}//${proxy.host}`;
    this.status = status;
  }

  /** True where the proxy wants other credentials: to try again cannot help. */
  get wantsCredentials(): boolean {
    return this.status === 407;
  }

  /** Why it failed, for a message. */
  get detail(): string {
    return this.status === null ? this.code : `HTTP ${this.status}`;
  }
}
