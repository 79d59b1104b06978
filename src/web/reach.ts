import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { findProxy, type ProxyVariables } from './proxy.ts';
import { isPublicAddress, resolvePublic } from './public-address.ts';

/** A server to connect to. */
export interface Reach {
  readonly url: URL;
  /** False: the connection fails if the host has a private address. */
  readonly allowPrivate: boolean;
  readonly proxies?: ProxyVariables | undefined;
  readonly signal: AbortSignal;
}

/**
 * Connects to the server of a URL, or to its proxy, and closes without a request: a request could mean
 * something there.
 *
 * @returns null if it can be reached; else a code such as `ECONNREFUSED`, without a name or address
 */
export function reach({ url, allowPrivate, proxies = {}, signal }: Reach): Promise<string | null> {
  const { protocol } = url;
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const port = portOf(url);
  const proxy = findProxy({ protocol, hostname, port }, proxies);
  // Nothing looks up an address, so that `resolvePublic` sees names only.
  if (!allowPrivate && isIP(hostname) !== 0 && !isPublicAddress(hostname)) {
    return Promise.resolve('PRIVATE_ADDRESS');
  }
  const target = {
    host: proxy === null ? hostname : proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy === null ? port : portOf(proxy),
    ...(proxy === null && !allowPrivate && { lookup: resolvePublic }),
  };
  return new Promise((resolve) => {
    const isTls = proxy === null && protocol === 'https:';
    const socket = isTls
      ? connectTls({ ...target, ...(isIP(hostname) === 0 && { servername: hostname }) })
      : connect(target);
    const end = (code: string | null) => {
      socket.destroy();
      resolve(code);
    };
    signal.addEventListener('abort', () => end('TIMEOUT'), { once: true });
    socket.once(isTls ? 'secureConnect' : 'connect', () => end(null));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.name));
  });
}

function portOf({ protocol, port }: URL): number {
  return Number(port) || (protocol === 'https:' ? 443 : 80);
}
