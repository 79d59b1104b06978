import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { NotificationData, NotificationType } from '../../src/model/notification.ts';

/** A request that reached the receiver. */
export interface Received {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A webhook whose signature was checked by the library of Standard Webhooks. */
export interface ReceivedWebhook {
  readonly id: string;
  readonly type: NotificationType;
  readonly timestamp: string;
  readonly data: NotificationData;
}

/** A ping in the protocol of Healthchecks. */
export interface ReceivedPing {
  readonly signal: 'start' | 'success' | 'fail';
  readonly pool: string;
  readonly rid: string | null;
  readonly body: string;
}

/** A server of somebody else, which receives webhooks below `/hook` and pings below `/ping`. */
export interface Receiver {
  readonly url: string;
  /** Everything that arrived, in order, whatever was answered. */
  readonly requests: readonly Received[];
  /** The webhooks that arrived. Throws for one that is not signed with `SECRET`. */
  webhooks(): ReceivedWebhook[];
  pings(): ReceivedPing[];
  /** What is answered: a status, or null for no answer at all. */
  answer: number | null;
  /** Called before each answer, which waits for it. */
  onRequest: ((received: Received) => Promise<void> | void) | null;
  close(): Promise<void>;
}

export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

export async function startReceiver(): Promise<Receiver> {
  const requests: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const { method = '', url = '' } = request;
      const headers = request.headers as Record<string, string>;
      const received = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
      requests.push(received);
      await receiver.onRequest?.(received);
      if (receiver.answer === null) return;
      const location = receiver.answer < 400 && receiver.answer >= 300 ? '/elsewhere' : undefined;
      response.writeHead(receiver.answer, location ? { location } : {}).end('ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    webhooks: () => requests.filter(({ path }) => path.startsWith('/hook')).map(readWebhook),
    pings: () => requests.filter(({ path }) => path.startsWith('/ping')).map(readPing),
    answer: 200,
    onRequest: null,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}

function readWebhook({ headers, body }: Received): ReceivedWebhook {
  const verified = new Webhook(SECRET).verify(body, headers) as Omit<ReceivedWebhook, 'id'>;
  return { id: headers['webhook-id'] ?? '', ...verified };
}

function readPing({ path, body }: Received): ReceivedPing {
  const { pathname, searchParams } = new URL(path, 'http://receiver');
  const [, , pool = '', signal = 'success'] = pathname.split('/');
  return { signal: signal as ReceivedPing['signal'], pool, rid: searchParams.get('rid'), body };
}

/** The settings that lead to a receiver. */
export const notifying = (receiver: Receiver) => ({
  MIRROR_PING_URL: `${receiver.url}/ping/{pool}`,
  MIRROR_WEBHOOK_URL: `${receiver.url}/hook`,
  MIRROR_WEBHOOK_SECRET: SECRET,
  MIRROR_WEBHOOK_ALLOW_PRIVATE: 'true',
});
