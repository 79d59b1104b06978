import { ChangeTally } from '../model/change-counts.ts';
import { COLUMN_TYPES, COLUMNS, type Column } from '../model/columns.ts';
import type { ArchivedDataset } from '../model/snapshot.ts';
import { ContentError } from './content-error.ts';

const NEWLINE = 0x0a;
/** Longer than any row of a sealed part. */
const MAX_ROW_BYTES = 4 * 1024 * 1024;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

type JsonType = (typeof COLUMN_TYPES)[keyof typeof COLUMN_TYPES]['json'];

/** Counts rows of JSON Lines and checks their columns and types. Holds one chunk and one row. */
export class RowChecker {
  /** The complete rows so far. */
  rows = 0;
  /** Rows of `changes` by what they are about. */
  readonly changes = new ChangeTally();
  readonly #isChanges: boolean;
  readonly #columns: readonly Column[];
  #rest: Buffer = Buffer.alloc(0);

  constructor(dataset: ArchivedDataset) {
    this.#isChanges = dataset === 'changes';
    this.#columns = COLUMNS[dataset];
  }

  /** @throws ContentError for the first row that breaks the contract. */
  write(data: Buffer): void {
    const bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(NEWLINE, start);
      if (end < 0) break;
      this.rows += 1;
      this.#check(bytes.toString('utf8', start, end));
      start = end + 1;
    }
    // A copy: the chunk's memory is not ours.
    this.#rest = Buffer.from(bytes.subarray(start));
    if (this.#rest.length > MAX_ROW_BYTES) throw this.#error('is longer than any row can be');
  }

  /** @throws ContentError if the last row is not complete. */
  end(): void {
    if (this.#rest.length === 0) return;
    this.rows += 1;
    throw this.#error('does not end with a line break');
  }

  #check(line: string): void {
    const row = parseObject(line);
    if (row === null) throw this.#error('is not a JSON object');
    const names = Object.keys(row);
    const hasColumns =
      names.length === this.#columns.length &&
      this.#columns.every(({ name }, index) => names[index] === name);
    if (!hasColumns) throw this.#error('has other columns than the contract');
    const wrong = this.#columns.find((column) => !isValue(row[column.name], column));
    if (wrong) throw this.#error(`has a wrong value of \`${wrong.name}\``);
    if (this.#isChanges && !this.changes.add(row['entity'], row['kind'])) {
      throw this.#error('has an unknown entity or kind');
    }
  }

  #error(problem: string): ContentError {
    return new ContentError('schema', `Row ${this.rows} ${problem}.`);
  }
}

function parseObject(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && !Array.isArray(value)
      ? (value as Record<string, unknown> | null)
      : null;
  } catch {
    return null;
  }
}

function isValue(value: unknown, { type, origin, required }: Column): boolean {
  if (value === null) return required !== true && origin !== 'key';
  if (!isOfType(value, COLUMN_TYPES[type].json)) return false;
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'time') return TIME.test(value as string);
  if (type === 'text list') return (value as unknown[]).every((each) => typeof each === 'string');
  if (type !== 'text map') return true;
  return Object.values(value as object).every((each) => typeof each === 'string');
}

function isOfType(value: unknown, type: JsonType): boolean {
  if (type === 'array') return Array.isArray(value);
  return typeof value === type && !Array.isArray(value);
}
