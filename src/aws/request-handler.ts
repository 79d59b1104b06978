import type { IncomingMessage } from 'node:http';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { isTlsError } from '../model/tls-errors.ts';
import { namesProxy, ProxyError, proxyFor } from './proxy.ts';

/** Connections are kept alive, and so many are open to a host at a time; times in milliseconds. */
export interface RequestHandlerOptions {
  readonly maxSockets: number;
  readonly connectionTimeout: number;
  /** From the request to the answer's head. */
  readonly requestTimeout: number;
  /** Of silence within an answer. */
  readonly socketTimeout?: number;
}

/**
 * How clients of the SDK send their requests: directly, or through the proxy that HTTPS_PROXY,
 * HTTP_PROXY and NO_PROXY name for the request's host. Failures of the proxy reject with ProxyError.
 */
export function openRequestHandler(options: RequestHandlerOptions): NodeHttpHandler {
  return namesProxy() ? new ProxiedHandler(options) : new NodeHttpHandler(settingsOf(options));
}

type Handle = NodeHttpHandler['handle'];

/** Asks the environment for each request, as one client speaks to several hosts. */
class ProxiedHandler extends NodeHttpHandler {
  readonly #options: RequestHandlerOptions;
  readonly #byProxy = new Map<string, NodeHttpHandler>();

  constructor(options: RequestHandlerOptions) {
    super(settingsOf(options));
    this.#options = options;
  }

  override async handle(...[request, options]: Parameters<Handle>): ReturnType<Handle> {
    const proxy = proxyFor(request);
    if (proxy === null) return super.handle(request, options);
    try {
      const answer = await this.#handlerOf(proxy).handle(request, options);
      // No service of AWS answers so: it is the proxy's own word.
      if (answer.response.statusCode !== 407) return answer;
      (answer.response.body as IncomingMessage).destroy();
      throw new ProxyError(proxy, { status: 407 });
    } catch (error) {
      throw byProxy(error, proxy);
    }
  }

  override destroy(): void {
    super.destroy();
    for (const handler of this.#byProxy.values()) handler.destroy();
  }

  #handlerOf(proxy: URL): NodeHttpHandler {
    const known = this.#byProxy.get(proxy.href);
    if (known !== undefined) return known;
    const settings = settingsOf(this.#options);
    const handler = new NodeHttpHandler({
      ...settings,
      httpAgent: new HttpProxyAgent(proxy, settings.httpAgent),
      httpsAgent: new Tunnel(proxy, settings.httpsAgent),
    });
    this.#byProxy.set(proxy.href, handler);
    return handler;
  }
}

/** A proxy that refuses to connect is an error; the library would pass its answer off as the service's. */
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

/** Whatever fails on the way fails through the proxy; an abort and the service's certificate do not. */
function byProxy(error: unknown, proxy: URL): unknown {
  if (!(error instanceof Error) || error instanceof ProxyError || error.name === 'AbortError') {
    return error;
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return isTlsError(code) ? error : new ProxyError(proxy, { code });
}

function settingsOf({ maxSockets, ...timeouts }: RequestHandlerOptions) {
  const agent = { keepAlive: true, maxSockets };
  return { ...timeouts, throwOnRequestTimeout: true, httpAgent: agent, httpsAgent: agent };
}
