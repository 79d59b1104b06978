import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

type Json = Record<string, unknown>;

/** One call on its way through. */
export interface ProxiedCall {
  /** Counts from 1, calls of every operation together. */
  readonly sequence: number;
  readonly operation: string;
  readonly request: Json;
}

/** An HTTP proxy between the program and the service in a test. */
export interface ServiceProxy {
  readonly url: string;
  /** Called before a call is forwarded. If it returns an object, that is the answer. */
  before: (call: ProxiedCall) => unknown;
  /** Changes an answer with status 200. */
  after: (call: ProxiedCall, answer: Json) => Json;
  close(): Promise<void>;
}

/** Starts a proxy that forwards every call to `target` unchanged. */
export async function startProxy(target: string): Promise<ServiceProxy> {
  let sequence = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const call = {
      sequence: ++sequence,
      operation: String(request.headers['x-amz-target']).split('.').pop() ?? '',
      request: JSON.parse(body.toString('utf8') || '{}') as Json,
    };
    const instead = (await proxy.before(call)) as Json | undefined;
    if (instead) {
      const status = '__type' in instead ? 400 : 200;
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(instead));
      return;
    }
    const { authorization = '', ...rest } = request.headers;
    const headers = {
      authorization,
      'content-type': rest['content-type'] ?? '',
      'x-amz-target': String(rest['x-amz-target']),
    };
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(target, { method: 'POST', headers, body });
      text = await answer.text();
    } catch {
      // A connection that the service cut is cut for the program as well.
      response.destroy();
      return;
    }
    const passed = answer.ok ? JSON.stringify(proxy.after(call, JSON.parse(text))) : text;
    response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: ServiceProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    before: () => {},
    after: (_, answer) => answer,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}
