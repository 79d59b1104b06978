import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What happens to bytes that a program sends to a server. */
export type Handling =
  | { readonly kind: 'pass' }
  /** The connection breaks, and the server has seen nothing of it. */
  | { readonly kind: 'cut' }
  /** The server has it, but of its answer no more than so many bytes get through. */
  | { readonly kind: 'cut answer'; readonly afterBytes: number; readonly onCut?: () => void }
  | { readonly kind: 'delay'; readonly milliseconds: number }
  /** The server never sees it; this is the answer, and then the connection ends. */
  | { readonly kind: 'answer'; readonly bytes: string };

/** A proxy between one program and one server that reads each request and decides what happens to it. */
export interface Interceptor {
  readonly port: number;
  close(): Promise<void>;
}

export const PASS: Handling = { kind: 'pass' };

/** How much of what a program sent before a piece is kept. A transaction's last statements fit. */
const LOOK_BACK = 16 * 1024;

/** Given each piece of what a program sends, and what it sent before on the same connection. */
type Handler = (text: string, earlier: string) => Handling | Promise<Handling>;

/**
 * Starts an interceptor in front of a server of this machine.
 *
 * @param port where the server is when a connection is made.
 * @param handle is waited for before a piece goes on.
 */
export async function startInterceptor(port: () => number, handle: Handler): Promise<Interceptor> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port(), '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.setNoDelay();
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    carry(near, far, handle).catch(() => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** Carries bytes both ways until an end is cut. */
async function carry(near: Socket, far: Socket, handle: Handler): Promise<void> {
  let earlier = '';
  let mayAnswer = Number.POSITIVE_INFINITY;
  let onCut = () => {};
  far.on('data', (bytes) => {
    near.write(bytes.subarray(0, mayAnswer));
    mayAnswer -= bytes.length;
    if (mayAnswer > 0) return;
    onCut();
    near.destroy();
  });
  far.on('end', () => near.end());
  for await (const bytes of near) {
    const text = (bytes as Buffer).toString('latin1');
    const handling = await handle(text, earlier);
    earlier = (earlier + text).slice(-LOOK_BACK);
    switch (handling.kind) {
      case 'cut':
        near.destroy();
        return;
      case 'answer':
        near.end(handling.bytes);
        return;
      case 'cut answer':
        mayAnswer = handling.afterBytes;
        onCut = handling.onCut ?? onCut;
        break;
      case 'delay':
        await sleep(handling.milliseconds);
        break;
      case 'pass':
        break;
    }
    far.write(bytes as Buffer);
  }
  far.end();
}
