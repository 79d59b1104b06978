import { closeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { printableJson, ResumableError } from '../index.ts';

/** Which of standard input, output and error were terminals when the program started. */
const TERMINALS = [0, 1, 2].filter((fd) => isatty(fd));

/** The reader of standard output closed it, as `head` does. */
export class OutputClosedError extends Error {}

/**
 * Keeps the process alive when standard output or error cannot be written: a closed terminal, a
 * closed pipe or a full disk. `writeOut` still reports it to its caller.
 */
export function surviveFailedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}

/**
 * Writes to standard output a part of what the person asked for, and waits until the system has
 * taken it.
 *
 * @throws OutputClosedError where the reader wants no more of it
 * @throws ResumableError where it cannot be written
 */
export function writeOut(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error) reject(explainWriteError(error));
      else resolve();
    });
  });
}

/** Writes to standard output what the work does not depend on: where it cannot, nothing fails. */
export async function writeNote(text: string): Promise<void> {
  await writeOut(text).catch(() => {});
}

/** The columns that lines may have: without bound where standard output has no known width. */
export function outputWidth(): number {
  return process.stdout.columns || Number.POSITIVE_INFINITY;
}

/** Prints one JSON document, as `--json` promises. It fails as `writeOut` does. */
export function writeJson(document: unknown): Promise<void> {
  return writeOut(`${printableJson(document)}\n`);
}

/**
 * Ends the process with this exit code, once standard output has been passed on. Node restores the
 * modes of its terminals when it exits, and crashes where one is gone: those are closed before.
 */
export function endProcess(code: number): void {
  process.stdout.write('', () => exitNow(code));
}

/** Ends the process with this exit code, without waiting for anything. */
export function exitNow(code: number): never {
  for (const fd of TERMINALS) if (!isatty(fd)) closeSync(fd);
  process.exit(code);
}

function explainWriteError(error: NodeJS.ErrnoException): Error {
  if (error.code === 'EPIPE') return new OutputClosedError('Standard output was closed.');
  return new ResumableError(
    `Standard output cannot be written (${error.code ?? error.message}). ` +
      'Free space on its disk or redirect it to another place, then run the command again.',
    { cause: error },
  );
}
