import { once } from 'node:events';
import { connect } from 'node:net';

/**
 * Shows the commands that a Redis gets, by its MONITOR, from now on. Not by ioredis: it fails if a
 * command follows the reply to MONITOR in the same packet, as on a busy machine.
 *
 * @param url a server without TLS
 * @param onCommand gets the words of each command, its name first
 * @returns a function that ends it, after all commands that were answered have been shown
 */
export async function monitorRedis(
  url: string,
  onCommand: (words: string[]) => void,
): Promise<() => Promise<void>> {
  const { hostname, port, password } = new URL(url);
  const socket = connect(Number(port), hostname).setEncoding('latin1');
  await once(socket, 'connect');
  let rest = '';
  let replies = password === '' ? 1 : 2;
  const isMonitoring = new Promise<void>((resolve, reject) => {
    // Later, this changes nothing.
    socket.on('error', reject);
    socket.on('data', (text: string) => {
      const lines = (rest + text).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith('-')) reject(new Error(`MONITOR was refused: ${line}`));
        else if (line !== '+OK') onCommand(parseWords(line));
        else if (--replies === 0) resolve();
      }
    });
  });
  if (password !== '') socket.write(`AUTH ${decodeURIComponent(password)}\r\n`);
  socket.write('MONITOR\r\n');
  await isMonitoring;
  return async () => {
    if (socket.closed) return;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    // Redis has sent what it has to show before it reads that this side ends.
    socket.end();
    await closed;
  };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b' };

/** The words of a line such as `+1795887397.718874 [0 127.0.0.1:58326] "SET" "a" "\xc3\xa4"`. */
function parseWords(line: string): string[] {
  const quoted = line.matchAll(/"((?:[^"\\]|\\.)*)"/g);
  return Array.from(quoted, ([, word = '']) => {
    const bytes = word.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex?: string, letter = '') =>
      hex === undefined
        ? (ESCAPES[letter] ?? letter)
        : String.fromCharCode(Number.parseInt(hex, 16)),
    );
    return Buffer.from(bytes, 'latin1').toString();
  });
}
