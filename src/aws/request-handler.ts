import type { IncomingMessage } from 'node:http';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { isTlsError } from '../model/tls-errors.ts';
import { findProxy, hasProxy, ProxyError, type ProxyVariables } from './proxy.ts';

/** Connections are kept alive. Times in milliseconds. */
interface RequestHandlerOptions {
  /** The most connections to one host. */
  readonly maxSockets: number;
  readonly connectionTimeout: number;
  /** From the request to the first byte of the answer. */
  readonly requestTimeout: number;
  /** For silence within an answer. */
  readonly socketTimeout?: number;
}

/**
 * Opens the handler by which clients of the SDK send requests: directly, or through the proxy that
 * HTTPS_PROXY, HTTP_PROXY and NO_PROXY set for the host. Failures of the proxy reject with ProxyError.
 */
export function openRequestHandler(
  options: RequestHandlerOptions,
  proxies: ProxyVariables = {},
): NodeHttpHandler {
  return hasProxy(proxies)
    ? new ProxiedHandler(options, proxies)
    : new NodeHttpHandler(buildSettings(options));
}

type Handle = NodeHttpHandler['handle'];

/** Chooses the proxy of each request, as one client speaks to several hosts. */
class ProxiedHandler extends NodeHttpHandler {
  readonly #options: RequestHandlerOptions;
  readonly #proxies: ProxyVariables;
  readonly #byProxy = new Map<string, NodeHttpHandler>();

  constructor(options: RequestHandlerOptions, proxies: ProxyVariables) {
    super(buildSettings(options));
    this.#options = options;
    this.#proxies = proxies;
  }

  override async handle(...[request, options]: Parameters<Handle>): ReturnType<Handle> {
    const proxy = findProxy(request, this.#proxies);
    if (proxy === null) return super.handle(request, options);
    try {
      const answer = await this.#openHandler(proxy).handle(request, options);
      // No service of AWS has this status, so it comes from the proxy.
      if (answer.response.statusCode !== 407) return answer;
      (answer.response.body as IncomingMessage).destroy();
      throw new ProxyError(proxy, { status: 407 });
    } catch (error) {
      throw toProxyError(error, proxy);
    }
  }

  override destroy(): void {
    super.destroy();
    for (const handler of this.#byProxy.values()) handler.destroy();
  }

  #openHandler(proxy: URL): NodeHttpHandler {
    const known = this.#byProxy.get(proxy.href);
    if (known !== undefined) return known;
    const settings = buildSettings(this.#options);
    const handler = new NodeHttpHandler({
      ...settings,
      httpAgent: new HttpProxyAgent(proxy, settings.httpAgent),
      httpsAgent: new Tunnel(proxy, settings.httpsAgent),
    });
    this.#byProxy.set(proxy.href, handler);
    return handler;
  }
}

/** Turns a proxy's refusal to connect into an error; the library would return it as the service's answer. */
class Tunnel extends HttpsProxyAgent<string> {
  override async connect(
    ...[request, options]: Parameters<HttpsProxyAgent<string>['connect']>
  ): ReturnType<HttpsProxyAgent<string>['connect']> {
    let status = 200;
    request.once('proxyConnect', ({ statusCode }: { statusCode: number }) => {
      status = statusCode;
    });
    const socket = await super.connect(request, options);
    if (status === 200) return socket;
    socket.destroy();
    throw new ProxyError(this.proxy, { status });
  }
}

/** Every failure counts as the proxy's, except an abort and a problem of the service's certificate. */
function toProxyError(error: unknown, proxy: URL): unknown {
  if (!(error instanceof Error) || error instanceof ProxyError || error.name === 'AbortError') {
    return error;
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return isTlsError(code) ? error : new ProxyError(proxy, { code });
}

function buildSettings({ maxSockets, ...timeouts }: RequestHandlerOptions) {
  const agent = { keepAlive: true, maxSockets };
  return { ...timeouts, throwOnRequestTimeout: true, httpAgent: agent, httpsAgent: agent };
}
