/**
 * The image's HEALTHCHECK: exits with 0 where the container's worker answers, or where its command
 * is another one (`docker run image sync`), which answers no HTTP. Takes the command line of process
 * 1 from Linux, or for tests from the file that is given.
 */
import { readFile } from 'node:fs/promises';

const [commandLine = '/proc/1/cmdline'] = process.argv.slice(2);
const args = (await readFile(commandLine, 'utf8')).split('\0');
if (args.includes('worker')) {
  const { PORT, HOST } = process.env;
  // A worker that listens on every address also answers on this one.
  const host = !HOST || HOST === '0.0.0.0' || HOST === '::' ? '127.0.0.1' : HOST;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${PORT || 8080}/healthz`;
  process.exitCode = await fetch(url).then(
    ({ ok }) => (ok ? 0 : 1),
    () => 1,
  );
}
