import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatSpreadsheetLine } from '../../src/cli/display/csv.ts';
import { type DecidedRow, REVIEW_COLUMNS, readReview } from '../../src/cli/review/read-review.ts';
import { ReviewDigest, type ReviewFields, toReviewFields } from '../../src/index.ts';
import { anyText } from '../input/odd-text.ts';
import fc from '../support/fast-check.ts';
import { temporaryFolder } from '../support/temp.ts';
import { csvRecords } from './csv-records.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

const NEVER = new AbortController().signal;
const POOL = 'us-east-1_Ab12Cd34';

/** What Postgres can hold, with many starts of formulas. */
const text = fc
  .tuple(fc.constantFrom('', '', '=', '+', '-', '@', "'", '"', '\t', '\r\n'), anyText)
  .map(([start, rest]) => start + rest.replaceAll('\0', ''))
  .filter((each) => each.isWellFormed());
const name = text.filter((each) => each.replace(/^'+/, '') !== '');

const row = fc.record({
  groupName: name,
  roleArn: fc.option(text),
  username: name,
  name: fc.option(text),
  email: fc.option(text),
  status: fc.option(text),
  enabled: fc.option(fc.boolean()),
  memberSince: fc.nat(2_000_000_000).map((seconds) => new Date(seconds * 1000)),
});

const DECISIONS = { keep: 'keep', 'Revoke ': 'revoke', '': 'undecided' } as const;

/** How a program saves the file. */
const saving = fc.record({
  delimiter: fc.constantFrom(',', ';', '\t'),
  lineEnd: fc.constantFrom('\r\n', '\n', '\r'),
  mark: fc.constantFrom('', '\ufeff'),
  apostrophes: fc.constantFrom<'kept' | 'removed' | 'added'>('kept', 'removed', 'added'),
  isAllQuoted: fc.boolean(),
  isReversed: fc.boolean(),
});

type Saving = typeof saving extends fc.Arbitrary<infer T> ? T : never;

function save(records: readonly (readonly string[])[], how: Saving): string {
  const [header = [], ...rows] = records;
  const edit = (field: string) => {
    if (how.apostrophes === 'removed') return field.replace(/^'/, '');
    return how.apostrophes === 'added' ? `'${field}` : field;
  };
  const quote = (field: string) =>
    how.isAllQuoted || /["\r\n,;\t]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
  const lines = [header, ...(how.isReversed ? rows.reverse() : rows)].map(
    (fields) => `${fields.map((field) => quote(edit(field))).join(how.delimiter)}\n`,
  );
  // Also the line ends within fields.
  return how.mark + lines.join('').replaceAll(/\r\n?|\n/g, how.lineEnd);
}

function digestOf(rows: readonly ReviewFields[]): string {
  const digest = new ReviewDigest();
  for (const fields of rows) digest.add(fields);
  return digest.digest();
}

async function read(path: string): Promise<DecidedRow[]> {
  const all: DecidedRow[] = [];
  for await (const rows of readReview(path, NEVER)) all.push(...rows);
  return all;
}

test('whatever a spreadsheet does to the form of a file, its rows and decisions are the same', async () => {
  const path = join(folder.path, 'review.csv');
  const decision = fc.constantFrom(...(Object.keys(DECISIONS) as (keyof typeof DECISIONS)[]));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(row, decision), { maxLength: 8 }),
      saving,
      async (rows, how) => {
        const covered = rows.map(([each]) => toReviewFields(POOL, each));
        const decisions = rows.map(([, each]) => each);
        const exported = [
          REVIEW_COLUMNS,
          ...covered.map((fields, index) => [...fields, decisions[index] ?? '', null, null]),
        ].map((fields) => formatSpreadsheetLine(fields, false));
        const records = await csvRecords(exported);
        writeFileSync(
          path,
          save(
            records.map(({ fields }) => fields),
            how,
          ),
        );
        const found = await read(path);
        expect(digestOf(found.map(({ fields }) => fields))).toBe(digestOf(covered));
        const expected = decisions.map((each) => DECISIONS[each]);
        if (how.isReversed) expected.reverse();
        expect(found.map((each) => each.decision)).toEqual(expected);
      },
    ),
    { numRuns: 200, endOnFailure: true },
  );
});

test('any other value of any row gives another hash', () => {
  const place = fc.tuple(fc.nat(), fc.nat(8));
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 6 }), place, (rows, [at, column]) => {
      const covered = rows.map((each) => toReviewFields(POOL, each));
      const altered = covered.map((fields, index) =>
        index === at % rows.length
          ? fields.map((field, place) => (place === column ? `${field ?? ''}x` : field))
          : fields,
      );
      expect(digestOf(altered)).not.toBe(digestOf(covered));
      expect(digestOf([...covered, ...covered.slice(0, 1)])).not.toBe(digestOf(covered));
    }),
  );
});

test('CSV is the same in any pieces', async () => {
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(20)), async (whole, cuts) => {
      const characters = Array.from(whole);
      const parse = (pieces: readonly string[]) => csvRecords(pieces).catch(String);
      const at = [0, ...cuts.filter((cut) => cut < characters.length).sort((a, b) => a - b)];
      const pieces = at.map((start, index) => characters.slice(start, at[index + 1]).join(''));
      expect(await parse(pieces)).toEqual(await parse([whole]));
    }),
  );
});

test('records start on the lines that an editor shows, whatever ends a line', async () => {
  const whole = 'a;b\n"1\r\n2";"3\n4\r5"\r\n\r"6""";7\r8;9';
  expect(await csvRecords(whole.split(''))).toEqual([
    { line: 1, fields: ['a', 'b'] },
    { line: 2, fields: ['1\r\n2', '3\n4\r5'] },
    { line: 6, fields: [''] },
    { line: 7, fields: ['6"', '7'] },
    { line: 8, fields: ['8', '9'] },
  ]);
});

test('the first delimiter of the header is that of the file, if it is not quoted', async () => {
  for (const [whole, fields] of [
    ['a;b,c', ['a', 'b,c']],
    ['"a;b",c', ['a;b', 'c']],
    ['a\tb,c;d', ['a', 'b,c;d']],
    ['a', ['a']],
  ] as const) {
    expect(await csvRecords(whole.split(''))).toEqual([{ line: 1, fields }]);
  }
});

test.each([
  ['a quote that is not closed', 'b,"c\r\nd', 'a quote is not closed.'],
  ['a record without an end', `b,"c\r\n${'d'.repeat(1_100_000)}`, 'a quote is not closed.'],
  ['text after a quote', '"b\nc"d,e', 'text follows a closing quote.'],
  ['a quote in a field without quotes', 'b"c,d', 'a quote is inside a field without quotes.'],
])('%s is refused with the line of its record', async (_, wrong, message) => {
  const whole = `h,h\r\n"x\r\ny",z\r\n${wrong}`;
  for (const pieces of [[whole], [whole.slice(0, 8), whole.slice(8)]]) {
    await expect(csvRecords(pieces)).rejects.toMatchObject({ line: 4, message });
  }
});
