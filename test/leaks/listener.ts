import { createServer, type IncomingMessage, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** An answer in the place of the server's own. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A request, as it passes by. */
export interface Passing {
  readonly method: string;
  readonly url: string;
  /** The operation of Cognito's API; empty for other servers. */
  readonly operation: string;
}

/** A proxy in front of a server that records every request. */
export interface Listener {
  readonly url: string;
  /** Method and URL of every request, as they came. */
  readonly heard: string[];
  /** Gives an answer in the server's place, or null. */
  instead: (request: Passing) => Answer | null | Promise<Answer | null>;
  close(): Promise<void>;
}

export interface ListenOptions {
  /** Put before each page token on its way out, and taken away on its way back. */
  readonly tokenMark?: string;
}

const TOKEN = /"(PaginationToken|NextToken)":"/g;

/** Starts a proxy in front of a server. It changes nothing except marked page tokens. */
export async function listenBefore(
  target: string,
  { tokenMark }: ListenOptions = {},
): Promise<Listener> {
  const server = createServer(async (request, response) => {
    const { method = '', url = '' } = request;
    listener.heard.push(`${method} ${url}`);
    const operation = String(request.headers['x-amz-target'] ?? '').replace(/^.*\./, '');
    const body = await buffer(request);
    const instead = await listener.instead({ method, url, operation });
    if (instead !== null) {
      response.writeHead(instead.status).end(instead.body);
      return;
    }
    const sent = tokenMark ? Buffer.from(body.toString().replaceAll(tokenMark, '')) : body;
    const onward = send(target + url, {
      method,
      // A connection that is kept may be closed by the server just when it is used again.
      agent: false,
      headers: { ...request.headers, host: new URL(target).host, 'content-length': sent.length },
    });
    onward.on('error', () => response.destroy());
    onward.on('response', async (answer: IncomingMessage) => {
      // What is cut behind is cut before.
      answer.on('error', () => response.destroy());
      const { statusCode = 502, headers } = answer;
      if (tokenMark === undefined) {
        answer.pipe(response.writeHead(statusCode, headers));
        return;
      }
      const whole = await buffer(answer).catch(() => null);
      if (whole === null) return;
      const marked = whole.toString().replaceAll(TOKEN, `$&${tokenMark}`);
      const kept = Object.entries(headers).filter(([name]) => name !== 'content-length');
      response.writeHead(statusCode, Object.fromEntries(kept)).end(marked);
    });
    onward.end(sent);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const listener: Listener = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard: [],
    instead: () => null,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return listener;
}
