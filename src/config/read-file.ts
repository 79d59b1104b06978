import { readFileSync, statSync } from 'node:fs';
import type { Problem } from '../model/errors.ts';

const LARGEST_BYTES = 1_000_000;

/** Reads the file that MIRROR_CONFIG names, or says why it cannot be read. */
export function readFile(path: string): string | Problem {
  let bytes: Buffer;
  try {
    const file = statSync(path);
    if (file.isDirectory()) return noFile(path, 'is a folder');
    // A pipe would wait for a writer, perhaps for ever.
    if (!file.isFile()) return noFile(path, 'is no ordinary file');
    if (file.size > LARGEST_BYTES) return noFile(path, 'is larger than 1 MB');
    bytes = readFileSync(path);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    return noFile(path, code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { ...noFile(path, 'is not UTF-8'), remedy: 'Save it as UTF-8.' };
  }
  return text.trim() === '' ? noFile(path, 'is empty') : text;
}

function noFile(path: string, what: string): Problem {
  return {
    subject: 'MIRROR_CONFIG',
    problem: `${printable(path)} ${what}.`,
    remedy: 'Give the path of a YAML file, or unset it.',
  };
}

/** A path for a person to read, with control characters escaped. */
export function printable(path: string): string {
  return /^[^\p{C}]*$/u.test(path) ? path : JSON.stringify(path);
}
