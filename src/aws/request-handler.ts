import type { IncomingMessage } from 'node:http';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { findProxy, hasProxy, ProxyError, type ProxyVariables } from '../web/proxy.ts';
import { openProxyAgents, toProxyError } from '../web/proxy-agents.ts';

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
      ...openProxyAgents(proxy, settings.httpAgent),
    });
    this.#byProxy.set(proxy.href, handler);
    return handler;
  }
}

function buildSettings({ maxSockets, ...timeouts }: RequestHandlerOptions) {
  const agent = { keepAlive: true, maxSockets };
  return { ...timeouts, throwOnRequestTimeout: true, httpAgent: agent, httpsAgent: agent };
}
