import { closeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { printableJson } from '../common/printable.ts';
import { ResumableError } from '../index.ts';

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
 * Writes a part of the result to standard output, and waits until the system has accepted it.
 *
 * @throws OutputClosedError if the reader closed it
 * @throws ResumableError if it cannot be written
 */
export function writeOut(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error) reject(explainWriteError(error));
      else resolve();
    });
  });
}

/** Writes a note to standard output. The work does not depend on it, so a failure is ignored. */
export async function writeNote(text: string): Promise<void> {
  await writeOut(text).catch(() => {});
}

/** The width of lines in columns; infinite if the width of standard output is unknown. */
export function outputWidth(): number {
  return process.stdout.columns || Number.POSITIVE_INFINITY;
}

/** Prints one JSON document, as `--json` promises. It fails as `writeOut` does. */
export function writeJson(document: unknown): Promise<void> {
  return writeOut(`${printableJson(document)}\n`);
}

/**
 * Ends the process with this exit code, once standard output is written. Node restores the modes of its
 * terminals when it exits, and crashes if one is gone, so these are closed first.
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
  const remedy =
    error.code === 'EFBIG'
      ? 'Raise the limit on file sizes (`ulimit -f unlimited`)'
      : 'Free space on its disk or redirect it to another place';
  return new ResumableError(
    `Standard output cannot be written (${error.code ?? error.message}). ` +
      `${remedy}, then run the command again.`,
    { cause: error },
  );
}
