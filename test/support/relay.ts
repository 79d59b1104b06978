import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** A network between the program and its database that can fall silent, or break. */
export interface Relay {
  /** The database's URL, by way of the relay. */
  readonly url: string;
  /** From now on nothing gets through, and no connection is closed. */
  freeze(): void;
  /** Passes everything again. Connections that lost data while frozen stay dead. */
  thaw(): void;
  /** Breaks every connection and refuses new ones, as where the server is gone, until `restore`. */
  cut(): Promise<void>;
  restore(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a relay to the server that a URL names.
 *
 * @param idleMs after which it cuts a connection without traffic; never, if left out.
 */
export async function startRelay(
  target: string,
  { idleMs = 0 }: { idleMs?: number } = {},
): Promise<Relay> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let frozen = false;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    // As where a firewall has forgotten the connection.
    let dead = false;
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.setTimeout(idleMs, () => {
        near.destroy();
        far.destroy();
      });
      from.on('data', (bytes) => {
        if (frozen) dead = true;
        if (!dead) to.write(bytes);
      });
      from.on('error', () => {});
      from.on('close', () => {
        if (!frozen) to.destroy();
      });
    }
  });
  const listen = (at: number) =>
    new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  await listen(0);
  const near = (server.address() as AddressInfo).port;
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(near);
  const cut = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    });
  return {
    url: url.href,
    freeze() {
      frozen = true;
    },
    thaw() {
      frozen = false;
    },
    cut,
    restore: () => {
      frozen = false;
      return listen(near);
    },
    close: cut,
  };
}
