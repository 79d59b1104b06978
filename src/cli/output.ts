import { printableJson } from '../telemetry/printable.ts';

/** Whoever reads our standard output has closed it, as `head` does. */
export class OutputClosedError extends Error {}

/** Writes to standard output, and waits until the system has taken it. */
export function writeOut(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (!error) resolve();
      else reject(isClosed(error) ? new OutputClosedError('Standard output was closed.') : error);
    });
  });
}

/** Prints one JSON document, as `--json` promises. */
export function writeJson(document: unknown): Promise<void> {
  return writeOut(`${printableJson(document)}\n`);
}

/** True for the error of writing to a pipe that nobody reads any more. */
export function isClosed(error: Error): boolean {
  return 'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED');
}
