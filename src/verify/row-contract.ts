import { ChangeTally } from '../model/change-counts.ts';
import { COLUMN_TYPES, type Column, columnsOf } from '../model/columns.ts';
import type { ArchivedDataset } from '../model/snapshot.ts';
import { ContentError } from './content-error.ts';

/** Longer than any row of a sealed part. */
export const MAX_ROW_BYTES = 4 * 1024 * 1024;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

type JsonType = (typeof COLUMN_TYPES)[keyof typeof COLUMN_TYPES]['json'];

/** Counts the rows of a part, and checks their columns and types. */
export class RowContract {
  /** The rows that were checked. */
  rows = 0;
  /** Rows of `changes` by what they are about. */
  readonly changes = new ChangeTally();
  readonly columns: readonly Column[];
  readonly #isChanges: boolean;

  /** @param version that of the manifest, which says what columns there are. */
  constructor(dataset: ArchivedDataset, version: number) {
    this.columns = columnsOf(dataset, version);
    this.#isChanges = dataset === 'changes';
  }

  /** @throws ContentError if the next row breaks the contract. */
  check(row: Readonly<Record<string, unknown>>): void {
    this.rows += 1;
    const wrong = this.columns.find((column) => !isValue(row[column.name], column));
    if (wrong) throw this.#error(`has a wrong value of \`${wrong.name}\``);
    if (this.#isChanges && !this.changes.add(row['entity'], row['kind'])) {
      throw this.#error('has an unknown entity or kind');
    }
  }

  /** What is wrong with the next row, which cannot be checked. */
  nextError(problem: string): ContentError {
    this.rows += 1;
    return this.#error(problem);
  }

  #error(problem: string): ContentError {
    return new ContentError('schema', `Row ${this.rows} ${problem}.`);
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
