import { randomInt } from 'node:crypto';
import type { PasswordPolicy } from '../model/restore.ts';

/** Over 180 bits: it cannot be guessed, and need not be typed. */
const LENGTH = 32;

/** The symbols that the service counts as such, without those that a log or a shell could act on. */
const SETS = [
  'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  'abcdefghijklmnopqrstuvwxyz',
  '0123456789',
  '!@#%^&*()_-+=[]{}|:.?',
];
const ALL = SETS.join('');

/**
 * A random password that every policy of the service accepts: it has a letter of each case, a digit and
 * a symbol, and is long enough. It is sent to the service and kept nowhere.
 */
export function createPassword({ minimumLength }: Pick<PasswordPolicy, 'minimumLength'>): string {
  const length = Math.max(LENGTH, minimumLength);
  const rest = Array.from({ length: length - SETS.length }, () => ALL);
  return shuffle([...SETS, ...rest].map(draw)).join('');
}

function draw(characters: string): string {
  return characters.charAt(randomInt(characters.length));
}

/** Fisher and Yates. */
function shuffle(items: string[]): string[] {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1);
    [items[last], items[other]] = [items[other] as string, items[last] as string];
  }
  return items;
}
