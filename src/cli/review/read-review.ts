import { createReadStream } from 'node:fs';
import {
  ActionRequiredError,
  type Problem,
  parseReviewFields,
  REVIEW_FIELDS,
  type ReviewFields,
  type ReviewKey,
} from '../../index.ts';
import { CsvFormatError, type CsvRecord, parseCsv } from './parse-csv.ts';

/** The columns of an access review: those of the mirror, then those that the reviewer fills in. */
export const REVIEW_COLUMNS: readonly string[] = [
  ...REVIEW_FIELDS,
  ...['decision', 'reviewer', 'reason'],
];

export type Decision = 'keep' | 'revoke' | 'undecided';

/** A row of a reviewed file. */
export interface DecidedRow extends ReviewKey {
  /** The line of the file on which it starts. */
  readonly line: number;
  readonly decision: Decision;
  /** What the receipt covers. */
  readonly fields: ReviewFields;
}

const DECISIONS = new Map<string, Decision>([
  ['keep', 'keep'],
  ['revoke', 'revoke'],
  ['', 'undecided'],
]);

/** Problems that are reported at once. */
const MOST_PROBLEMS = 20;

/**
 * Reads the file of an access review in batches, as a spreadsheet may have saved it.
 *
 * @throws ActionRequiredError with the lines that are wrong. It quotes no value: they are personal
 */
export async function* readReview(
  path: string,
  signal: AbortSignal,
): AsyncIterable<readonly DecidedRow[]> {
  const file = new ReviewFile(path);
  for await (const records of readRecords(path, signal)) {
    const rows = records.flatMap((record) => file.read(record) ?? []);
    if (file.problems.length === 0 && rows.length > 0) yield rows;
  }
  file.end();
}

async function* readRecords(
  path: string,
  signal: AbortSignal,
): AsyncIterable<readonly CsvRecord[]> {
  try {
    yield* parseCsv(decode(createReadStream(path, { signal })));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CsvFormatError) {
      const remedy = 'Correct it, or save the file as CSV again.';
      throw new ActionRequiredError([
        { subject: `${path} line ${error.line}`, problem: error.message, remedy },
      ]);
    }
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
      throw new ActionRequiredError([
        { subject: path, problem: 'is not in UTF-8.', remedy: 'Save it as CSV in UTF-8.' },
      ]);
    }
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw new ActionRequiredError([
      { subject: path, problem: `cannot be read (${code}).`, remedy: 'Give the path of a file.' },
    ]);
  }
}

/** Decodes UTF-8, without the mark that some programs write at the beginning. */
async function* decode(chunks: AsyncIterable<Buffer>): AsyncIterable<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

/** Turns records into rows, by the names of the columns in the first one. */
class ReviewFile {
  readonly problems: Problem[] = [];
  readonly #path: string;
  #header: readonly string[] | null = null;
  #poolId: string | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** The row of a record; null for the header, an empty line or one with a problem. */
  read({ line, fields }: CsvRecord): DecidedRow | null {
    if (this.#header === null) {
      this.#readHeader(fields);
      return null;
    }
    if (fields.every((field) => field.trim() === '')) return null;
    const header = this.#header;
    const field = (name: string) => fields[header.indexOf(name)] ?? '';
    if (fields.slice(header.length).some((extra) => extra !== '')) {
      return this.#refuse(line, 'has more fields than the first line.', 'Correct its quotes.');
    }
    const decision = DECISIONS.get(field('decision').replace(/^'+/, '').trim().toLowerCase());
    if (decision === undefined) {
      const problem = 'the decision must be keep, revoke or empty.';
      return this.#refuse(line, problem, 'Correct it.');
    }
    const covered = REVIEW_FIELDS.map(field);
    const key = parseReviewFields(covered);
    if (key === null) {
      const problem = 'pool, group, username or member_since is missing or malformed.';
      return this.#refuse(line, problem, RESTORE);
    }
    this.#poolId ??= key.poolId;
    if (this.#poolId !== key.poolId) {
      return this.#refuse(line, 'is of another pool.', 'Check each pool in a file of its own.');
    }
    return { ...key, line, decision, fields: covered };
  }

  /** @throws ActionRequiredError if there was a problem */
  end(): void {
    if (this.#header === null) this.#refuse(1, 'is missing: the file is empty.', RESTORE);
    if (this.problems.length > 0) throw new ActionRequiredError(this.problems);
  }

  #readHeader(fields: readonly string[]): void {
    const header = fields.map((name) => name.replace(/^'+/, '').trim());
    const missing = REVIEW_COLUMNS.filter((name) => !header.includes(name));
    if (missing.length > 0) {
      this.#refuse(1, `has no column ${missing.join(', ')}.`, 'Give a file of `export`.');
      throw new ActionRequiredError(this.problems);
    }
    this.#header = header;
  }

  #refuse(line: number, problem: string, remedy: string): null {
    this.problems.push({ subject: `${this.#path} line ${line}`, problem, remedy });
    if (this.problems.length >= MOST_PROBLEMS) throw new ActionRequiredError(this.problems);
    return null;
  }
}

const RESTORE = 'Restore it from the export.';
