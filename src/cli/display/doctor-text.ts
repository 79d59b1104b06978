import { counted } from '../../common/text.ts';
import type { Check, CheckState } from '../../index.ts';
import { localizeCommands } from '../command-line.ts';
import { fold } from './fold.ts';

interface Style {
  readonly width: number;
  readonly isColoured: boolean;
}

/** The states as words of equal width, and their colours by the numbers of ANSI. */
const STATES: Readonly<Record<CheckState, { readonly word: string; readonly colour: number }>> = {
  ok: { word: 'ok     ', colour: 32 },
  warning: { word: 'warning', colour: 33 },
  failed: { word: 'failed ', colour: 31 },
};

const INDENT = ' '.repeat('warning  '.length);

/** Lines are at most this wide, as sentences are hard to read in longer ones. */
const MAX_WIDTH = 100;

/** A check: its state, its title and what was found; then, indented, what mends it. */
export function formatCheck({ title, state, detail, remedy }: Check, style: Style): string {
  const { word, colour } = STATES[state];
  const width = Math.min(style.width, MAX_WIDTH);
  const [first = '', ...more] = detail.split('\n');
  const found = [
    ...fold(INDENT, `${title}: ${localizeCommands(first)}`, width),
    ...more.flatMap((line) => fold(INDENT, localizeCommands(line), width)),
  ];
  const mending = (remedy ?? '').split('\n').filter((line) => line !== '');
  const lines = [
    (style.isColoured ? `\x1b[${colour}m${word}\x1b[0m` : word) +
      (found.shift() ?? '').slice(word.length),
    ...found,
    ...mending.flatMap((line) => fold(`${INDENT}→ `, localizeCommands(line), width)),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** How many checks ended in each state. */
export function formatSummary(checks: readonly Check[]): string {
  const count = (state: CheckState) => checks.filter((check) => check.state === state).length;
  const [warnings, failures] = [count('warning'), count('failed')];
  const states = [
    `${count('ok')} ok`,
    ...(warnings > 0 ? [counted(warnings, 'warning')] : []),
    ...(failures > 0 ? [`${failures} failed`] : []),
  ];
  return `\n${counted(checks.length, 'check')}: ${states.join(', ')}.\n`;
}
