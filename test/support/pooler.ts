import { randomInt } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * A pooler of Postgres connections, as PgBouncer is one: it answers clients itself, and gives them
 * server connections for as long as a session or a transaction lasts. The server must trust it.
 */
export interface Pooler {
  /** The database's URL, by way of the pooler. */
  readonly url: string;
  /** How many server connections it has opened. */
  readonly opened: () => number;
  close(): Promise<void>;
}

export interface PoolerOptions {
  readonly mode: 'session' | 'transaction';
  /** Most server connections at a time. */
  readonly size?: number;
  /** Which free connection is given out: the last that became free (as PgBouncer's default), or the first. */
  readonly order?: 'last' | 'first';
}

const CANCEL = 80_877_102;
const SSL = 80_877_103;

/** A connection to the server, with its own key for cancelling. */
interface Backend {
  readonly socket: Socket;
  key: Buffer;
  /** False while it is in a transaction, or works. */
  isIdle: boolean;
  /** Gets every message of the server while a client has it. */
  receive: (message: Buffer) => void;
}

/** Starts a pooler before the server that a URL names. */
export async function startPooler(target: string, options: PoolerOptions): Promise<Pooler> {
  const { mode, size = 10, order = 'last' } = options;
  const { hostname, port, username, pathname } = new URL(target);
  const sockets = new Set<Socket>();
  const free: Backend[] = [];
  const waiting: ((backend: Backend) => void)[] = [];
  /** Which server connection the client with a key has now. */
  const served = new Map<string, Backend>();
  let opened = 0;

  const toServer = () => {
    const socket = connect(Number(port), hostname);
    sockets.add(socket);
    socket.on('error', () => {});
    return socket;
  };
  const openBackend = () =>
    new Promise<Backend>((resolve) => {
      opened += 1;
      const socket = toServer();
      const backend: Backend = { socket, key: Buffer.alloc(8), isIdle: true, receive: () => {} };
      backend.receive = (message) => {
        if (kind(message) === 'K') backend.key = message.subarray(5);
        if (kind(message) === 'Z') resolve(backend);
      };
      socket.on(
        'data',
        byMessage((message) => backend.receive(message)),
      );
      const names = `user\0${username}\0database\0${pathname.slice(1)}\0\0`;
      socket.write(withLength(Buffer.concat([int(196_608), Buffer.from(names)])));
    });
  const take = async (): Promise<Backend> => {
    const backend = order === 'last' ? free.pop() : free.shift();
    if (backend !== undefined) return backend;
    if (opened < size) return openBackend();
    return new Promise((resolve) => waiting.push(resolve));
  };
  const give = (backend: Backend) => {
    backend.receive = () => {};
    const next = waiting.shift();
    if (next === undefined) free.push(backend);
    else next(backend);
  };
  const giveClean = (backend: Backend) => {
    if (!backend.isIdle) {
      // A transaction that its client left is rolled back with its connection.
      backend.socket.destroy();
      opened -= 1;
      const next = waiting.shift();
      if (next !== undefined) void openBackend().then(next);
      return;
    }
    backend.receive = (message) => kind(message) === 'Z' && give(backend);
    backend.socket.write(tagged('Q', Buffer.from('DISCARD ALL\0')));
  };

  const serve = (client: Socket, key: Buffer) => {
    const name = key.toString('hex');
    let backend: Backend | null = null;
    let isTaking = false;
    const queued: Buffer[] = [];
    const receive = (message: Buffer) => {
      client.write(message);
      if (backend === null || kind(message) !== 'Z') return;
      backend.isIdle = message.toString('latin1', 5) === 'I';
      if (mode === 'transaction' && backend.isIdle) {
        served.delete(name);
        give(backend);
        backend = null;
      }
    };
    const assign = async () => {
      isTaking = true;
      backend = await take();
      if (client.destroyed) return leave();
      backend.receive = receive;
      served.set(name, backend);
      backend.isIdle = false;
      for (const message of queued.splice(0)) backend.socket.write(message);
      isTaking = false;
    };
    const leave = () => {
      served.delete(name);
      if (backend === null) return;
      giveClean(backend);
      backend = null;
    };
    client.on('close', leave);
    return (message: Buffer) => {
      if (kind(message) === 'X') return client.end();
      if (backend !== null) {
        backend.isIdle = false;
        return backend.socket.write(message);
      }
      queued.push(message);
      if (!isTaking) void assign();
    };
  };

  const cancel = (key: Buffer) => {
    const backend = served.get(key.toString('hex'));
    if (backend === undefined) return;
    toServer().end(withLength(Buffer.concat([int(CANCEL), backend.key])));
  };

  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => {});
    const key = Buffer.concat([int(randomInt(2 ** 31)), int(randomInt(2 ** 31))]);
    let handle: ((message: Buffer) => unknown) | null = null;
    const begin = (message: Buffer) => {
      const code = message.readInt32BE(4);
      if (code === SSL) return client.write('N');
      if (code === CANCEL) {
        cancel(message.subarray(8));
        return client.end();
      }
      if (message.toString('latin1').includes('\0options\0')) {
        return client.end(refusal('unsupported startup parameter: options'));
      }
      handle = serve(client, key);
      client.write(
        Buffer.concat([tagged('R', int(0)), tagged('K', key), tagged('Z', Buffer.from('I'))]),
      );
    };
    client.on(
      'data',
      byMessage(
        (message) => (handle ?? begin)(message),
        () => handle !== null,
      ),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    opened: () => opened,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

const kind = (message: Buffer) => String.fromCharCode(message[0] ?? 0);

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const withLength = (body: Buffer) => Buffer.concat([int(body.length + 4), body]);
const tagged = (tag: string, body: Buffer) => Buffer.concat([Buffer.from(tag), withLength(body)]);

function refusal(text: string): Buffer {
  return tagged('E', Buffer.from(`SFATAL\0C08P01\0M${text}\0\0`));
}

/** Cuts a stream into messages: with a tag before the length, or without where `isTagged` says so. */
function byMessage(use: (message: Buffer) => unknown, isTagged = () => true) {
  let rest = Buffer.alloc(0);
  return (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    for (;;) {
      const start = isTagged() ? 1 : 0;
      if (rest.length < start + 4) return;
      const end = start + rest.readInt32BE(start);
      if (rest.length < end) return;
      const message = rest.subarray(0, end);
      rest = rest.subarray(end);
      use(message);
    }
  };
}
