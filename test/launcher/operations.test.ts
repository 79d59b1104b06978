import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Quotes that come from elsewhere, or that the program puts together from words. */
const ELSEWHERE = [
  'permission denied to terminate process',
  'unsupported startup parameter: options',
  'snapshot held',
  'snapshot interrupted',
  'snapshot failed',
  'the pool or the group does not exist …',
];

/** What stands for a value in a quote. */
const PLACEHOLDER = /…|: |\b(?:REGION|POOL|SNAPSHOT|OPERATION|LINE|TABLE|ENOSPC)\b|\b[NMAB]\b|%\d+/;

/** All texts of the program, with `…` for each value in them, and without line breaks. */
function programTexts(): string {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('simulator'))
    .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8'));
  const migrations = readdirSync(join(ROOT, 'migrations')).map((name) =>
    readFileSync(join(ROOT, 'migrations', name), 'utf8')
      .replaceAll('%', '…')
      .replaceAll("''", "'"),
  );
  return [...sources, ...migrations]
    .map((text) =>
      text
        .replace(/['"`]\s*\+\s*['"`]/g, '')
        .replace(/\\(['"`])/g, '$1')
        .replace(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, '…')
        .replace(/\s+/g, ' '),
    )
    .join('\n');
}

/** The quotes in the first column of the tables of a section. */
function quotesOf(section: string): string[] {
  return [...section.matchAll(/^\| (.*?[^\\]) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/``\s?(.+?)\s?``|`([^`]+)`/g)].map(
      ([, double, single]) => double ?? single ?? '',
    ),
  );
}

test.each(['Held snapshots', 'Workers', 'Log lines', 'Errors', 'Embedded Postgres'])(
  'docs/OPERATIONS.md, %s: every quoted message is a text of the program',
  (heading) => {
    const texts = programTexts();
    const page = readFileSync(join(ROOT, 'docs/OPERATIONS.md'), 'utf8');
    const section = page.slice(page.indexOf(`\n## ${heading}\n`) + 1).split(/\n## /)[0] ?? '';
    const quotes = quotesOf(section).filter((quote) => !ELSEWHERE.includes(quote));
    expect(quotes.length).toBeGreaterThan(3);
    const unknown = quotes.filter((quote) =>
      quote
        .split(PLACEHOLDER)
        .map((part) => part.replace(/^[\s.,:;()[\]]+|[\s.,:;()[\]]+$/g, ''))
        .filter((part) => part.length >= 8 && part.includes(' '))
        .some((part) => !texts.includes(part)),
    );
    expect(unknown).toEqual([]);
  },
);
