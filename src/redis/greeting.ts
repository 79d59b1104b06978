import { connect } from 'node:net';

/** Redis sends it at once, or never. */
const PATIENCE_MS = 500;
const PORT = 6379;

/**
 * What a server says to a new connection before it is asked anything; null where it says nothing.
 * A Redis without a connection left says so and closes, and a client that sends its own first words
 * at that moment sees a broken connection alone. Over TLS nothing is said, so it is not asked.
 */
export function readGreeting(url: string): Promise<string | null> {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== 'redis:') return Promise.resolve(null);
  return new Promise((resolve) => {
    const socket = connect(Number(port || PORT), hostname.replaceAll(/[[\]]/g, ''));
    const end = (text: string | null) => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(PATIENCE_MS, () => end(null));
    socket.on('error', () => end(null));
    socket.on('close', () => end(null));
    socket.once('data', (bytes) => end(bytes.toString('latin1').trim()));
  });
}
