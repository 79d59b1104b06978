import type { AgentOptions } from 'node:http';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { isTlsError } from '../model/tls-errors.ts';
import { ProxyError } from './proxy.ts';

/** Agents that send requests through a proxy: plain ones as they are, TLS through a tunnel. */
export function openProxyAgents(proxy: URL, options: AgentOptions) {
  return {
    httpAgent: new HttpProxyAgent(proxy, options),
    httpsAgent: new Tunnel(proxy, options),
  };
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
export function toProxyError(error: unknown, proxy: URL): unknown {
  if (!(error instanceof Error) || error instanceof ProxyError || error.name === 'AbortError') {
    return error;
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return isTlsError(code) ? error : new ProxyError(proxy, { code });
}
