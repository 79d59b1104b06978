import type { Command } from 'commander';
import { exitNow, writeNote } from '../output.ts';
import { quoteForBash, splitBashLine } from './bash-words.ts';
import { type Candidate, findCandidates } from './candidates.ts';

/** A command line would not survive such a word. */
const CONTROL = /\p{Cc}/u;

/**
 * Prints what completes a command line, a word on each line, for the script of a shell. Prints nothing on
 * an error: it would appear in the middle of the line that a person types.
 *
 * @param args the shell and what its script knows of the line
 */
export async function printWords(program: Command, args: readonly string[]): Promise<void> {
  const [shell, ...rest] = args;
  const print = shell === 'bash' ? printForBash : printWithTexts;
  await print(program, rest).catch(() => {});
  exitNow(0);
}

/** zsh and fish quote words themselves. */
async function printWithTexts(program: Command, words: readonly string[]): Promise<void> {
  const found = await find(program, words);
  const lines = found.map(({ word, text }) => (text === '' ? word : `${word}\t${text}`));
  await writeNote(lines.map((line) => `${line}\n`).join(''));
}

async function printForBash(
  program: Command,
  [line = '', piece = '']: readonly string[],
): Promise<void> {
  const typed = splitBashLine(line);
  const current = typed.words.at(-1) ?? '';
  const found = await find(program, typed.words.slice(1));
  const quoted = found
    .filter(({ word }) => word.startsWith(current))
    .flatMap(({ word }) => quoteForBash(word, typed, piece) ?? []);
  await writeNote(quoted.map((word) => `${word}\n`).join(''));
}

async function find(program: Command, words: readonly string[]): Promise<Candidate[]> {
  const found = await findCandidates(program, words);
  return found
    .filter(({ word }) => !CONTROL.test(word))
    .map(({ word, text }) => ({ word, text: text.split('\n')[0]?.replace(/\t/g, ' ') ?? '' }));
}
