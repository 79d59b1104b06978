import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatSpreadsheetLine } from '../../src/cli/display/csv.ts';
import { CsvParser } from '../../src/cli/review/csv-parser.ts';
import { type DecidedRow, REVIEW_COLUMNS, readReview } from '../../src/cli/review/read-review.ts';
import { ReviewDigest, type ReviewFields, toReviewFields } from '../../src/index.ts';
import { anyText } from '../input/odd-text.ts';
import fc from '../support/fast-check.ts';
import { temporaryFolder } from '../support/temp.ts';

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
        const parser = new CsvParser();
        const records = [...parser.write(exported.join('')), ...parser.end()];
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

test('CSV is the same in any pieces', () => {
  fc.assert(
    fc.property(text, fc.array(fc.nat(20)), (whole, cuts) => {
      const parse = (pieces: readonly string[]) => {
        const parser = new CsvParser();
        try {
          return [...pieces.flatMap((piece) => parser.write(piece)), ...parser.end()];
        } catch (error) {
          return String(error);
        }
      };
      const at = [0, ...cuts.filter((cut) => cut < whole.length).sort((a, b) => a - b)];
      const pieces = at.map((start, index) => whole.slice(start, at[index + 1]));
      expect(parse(pieces)).toEqual(parse([whole]));
    }),
  );
});
