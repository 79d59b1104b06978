import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** A request that reached the proxy. */
export interface ForwardedRequest {
  /** `CONNECT` for a tunnel. */
  readonly method: string;
  /** The absolute URL, or the host and port of a tunnel. */
  readonly target: string;
  /** `user:password`; null where none came. */
  readonly credentials: string | null;
}

/** An HTTP proxy on loopback that carries every request to one port, whatever host it names. */
export interface ForwardProxy {
  readonly url: string;
  readonly requests: readonly ForwardedRequest[];
  /** An answer in place of the service's; null carries requests. */
  refuse: number | null;
  close(): Promise<void>;
}

/** Starts a proxy whose every target is the server at `port` of 127.0.0.1. */
export async function startForwardProxy(port: number): Promise<ForwardProxy> {
  const requests: ForwardedRequest[] = [];
  const sockets = new Set<Socket>();
  const note = ({ method = '', url = '', headers }: IncomingMessage) => {
    const basic = /^Basic (.*)$/.exec(headers['proxy-authorization'] ?? '')?.[1];
    const credentials = basic === undefined ? null : Buffer.from(basic, 'base64').toString();
    requests.push({ method, target: url, credentials });
  };
  const server = createServer((request, response) => {
    note(request);
    if (proxy.refuse !== null) {
      response.writeHead(proxy.refuse).end();
      return;
    }
    const { pathname, search, host } = new URL(request.url ?? '');
    const { method, headers } = request;
    const options = { port, host: '127.0.0.1', method, headers: { ...headers, host } };
    const onward = httpRequest({ ...options, path: pathname + search }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  server.on('connection', (socket) => sockets.add(socket));
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    note(request);
    socket.on('error', () => {});
    if (proxy.refuse !== null) {
      socket.end(`HTTP/1.1 ${proxy.refuse} Refused\r\n\r\n`);
      return;
    }
    const onward = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    sockets.add(onward);
    onward.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: ForwardProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    refuse: null,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return proxy;
}
