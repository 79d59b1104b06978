import { createInterface } from 'node:readline/promises';
import { printable } from '../../common/printable.ts';
import { ActionRequiredError, InterruptedError } from '../../index.ts';
import { wrap } from '../display/text-width.ts';

/** Asks a person questions at a terminal. */
export interface Terminal {
  say(text: string): void;
  /**
   * Asks until `accept` takes the answer. What it rejects with is shown, and the question comes again.
   *
   * @param fallback what an empty answer means; shown in brackets
   */
  ask<T>(question: string, fallback: string, accept: (answer: string) => Promise<T>): Promise<T>;
  close(): void;
}

/**
 * Opens the terminal of the process. Node's own module is enough for questions in lines; a package for
 * menus would add 2 MB and take raw control of the terminal.
 */
export function openTerminal(signal: AbortSignal): Terminal {
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
  const ended = new AbortController();
  const end = () => ended.abort(new InterruptedError());
  lines.on('close', end);
  // A terminal that was closed can neither be read nor set back, which the interface reports as its own.
  lines.on('error', end);
  process.stdin.on('error', end);
  // In this mode the terminal sends the key, not the signal.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const stop = AbortSignal.any([signal, ended.signal]);
  const say = (text: string) => void process.stderr.write(`${text}\n`);
  return {
    say,
    async ask(question, fallback, accept) {
      for (;;) {
        const typed = await lines
          .question(`${question}${fallback === '' ? '' : ` [${fallback}]`}: `, { signal: stop })
          .catch((error: unknown) => {
            throw stop.aborted ? new InterruptedError() : error;
          });
        try {
          return await accept(typed.trim() === '' ? fallback : typed.trim());
        } catch (error) {
          if (!(error instanceof ActionRequiredError) || stop.aborted) throw error;
          const width = process.stderr.columns || Number.POSITIVE_INFINITY;
          for (const { problem, remedy } of error.problems) {
            say(wrap('  ', printable(`${problem} ${remedy}`), width).join('\n'));
          }
        }
      }
    },
    close: () => lines.close(),
  };
}
