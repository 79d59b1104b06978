import { describe, expect, test } from 'vitest';
import { formatVertically, isTooNarrow, Table } from '../../src/cli/display/table.ts';
import { measureWidth, truncate } from '../../src/cli/display/text-width.ts';
import { formatCsvLine } from '../../src/common/csv.ts';
import fc from '../support/fast-check.ts';

describe('a table', () => {
  const columns = [{ name: 'username' }, { name: 'n', align: 'right' as const }, { name: 'note' }];

  test('aligns its columns', () => {
    const rows = [
      ['al', '1', 'x'],
      ['barbara-ann', '1000', null],
    ];
    const table = new Table(columns, rows, 80);
    expect(table.header + table.rows(rows)).toBe(
      [
        'username    |    n | note',
        '------------+------+-----',
        'al          |    1 | x',
        'barbara-ann | 1000 | ',
        '',
      ].join('\n'),
    );
  });

  test('measures wide characters and escapes control characters', () => {
    const rows = [
      ['日本', '1', 'a\u001b[2Jb'],
      ['a\nb', '2', '\u202egnp.exe'],
    ];
    const table = new Table(columns, rows, 80);
    expect(table.rows(rows)).toBe('日本     | 1 | a\\u001b[2Jb\na\\nb     | 2 | \\u202egnp.exe\n');
  });

  test('cuts the widest columns to fit a line, and later rows to the same widths', () => {
    const sample = [['short', '1', 'x'.repeat(200)]];
    const table = new Table(columns, sample, 40);
    const lines = (table.header + table.rows([...sample, ['y'.repeat(50), '22', 'z']])).split('\n');
    for (const line of lines) expect(measureWidth(line)).toBeLessThanOrEqual(40);
    expect(lines[2]).toMatch(/^short {4}\| 1 \| x+…$/);
    expect(lines[3]).toMatch(/^y+… \| … \| z$/);
  });

  test('fits any width of at least four places per column', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 60 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(text, text, text), { maxLength: 5 }),
        fc.integer({ min: 18, max: 120 }),
        (rows, width) => {
          const table = new Table(columns, rows, width);
          for (const line of (table.header + table.rows(rows)).split('\n')) {
            expect(measureWidth(line)).toBeLessThanOrEqual(width);
          }
        },
      ),
    );
  });
});

test('text is cut between graphemes', () => {
  expect(truncate('abcdef', 4)).toBe('abc…');
  expect(truncate('👩‍👩‍👧👩‍👩‍👧', 3)).toBe('👩‍👩‍👧…');
  expect(truncate('日本語', 4)).toBe('日…');
  expect(truncate('abc', 3)).toBe('abc');
});

describe('CSV', () => {
  test('distinguishes NULL from empty text, quotes if necessary, and changes no value', () => {
    expect(formatCsvLine([null, '', 'plain', 'a,b', 'say "hi"', 'two\r\nlines', '=1+1'])).toBe(
      ',"",plain,"a,b","say ""hi""","two\r\nlines",=1+1\r\n',
    );
  });

  test('can be parsed back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.string({ unit: 'binary' })), { minLength: 1 }),
        (values) => {
          expect(parseCsvLine(formatCsvLine(values))).toEqual(values);
        },
      ),
    );
  });
});

/** Parses one line by the grammar of RFC 4180. */
function parseCsvLine(line: string): (string | null)[] {
  const fields = [...line.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy)];
  expect(fields.map(([field]) => field).join('')).toBe(line);
  return fields.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? (plain || null));
}

describe('vertical rows', () => {
  const names = ['pool_id', 'email', 'n'];

  test('have a line for each value, cut to the width, with control characters escaped', () => {
    const rows = [
      ['us-east-1_A', 'ann@example.com', '1'],
      ['us-east-1_B', null, 'a\u001b[2Jb'],
    ];
    expect(formatVertically(names, rows, 41, 24)).toBe(
      [
        '-[ 41 ]',
        'pool_id | us-east-1_A',
        'email   | ann@example.c…',
        'n       | 1',
        '-[ 42 ]',
        'pool_id | us-east-1_B',
        'email   | ',
        'n       | a\\u001b[2Jb',
        '',
      ].join('\n'),
    );
  });

  test('replace only a table that would cut most values', () => {
    const long = [['us-east-1_Ab12Cd34', 'a-long-address@example.com', '1']];
    expect(isTooNarrow(names, long, 38)).toBe(true);
    expect(isTooNarrow(names, long, 39)).toBe(false);
    expect(isTooNarrow(names, [['a', 'b', '1']], 38)).toBe(false);
    expect(isTooNarrow(names, [], 38)).toBe(false);
  });
});
