import { finished } from 'node:stream/promises';
import { type Parser, parse } from 'csv-parse';
import { COLUMN_TYPES, type Column } from '../model/columns.ts';
import type { ArchivedDataset } from '../model/snapshot.ts';
import { ContentError } from './content-error.ts';
import { MAX_ROW_BYTES, RowContract } from './row-contract.ts';

const END_OF_LINE = '\r\n';

/** Checks CSV: a line with the names of the columns, then the rows. Holds one chunk and one row. */
export class CsvChecker {
  readonly contract: RowContract;
  readonly #parser: Parser;
  readonly #ended: Promise<unknown>;
  #hasHeader = false;
  #end = '';
  #error: Error | null = null;

  constructor(dataset: ArchivedDataset, version: number) {
    this.contract = new RowContract(dataset, version);
    this.#parser = parse({
      record_delimiter: END_OF_LINE,
      relax_column_count: true,
      max_record_size: MAX_ROW_BYTES,
      // Null is an empty field without quotes.
      cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
      // Nothing is passed on, so that each piece of text is parsed when it is written.
      on_record: (fields: readonly (string | null)[]) => {
        this.#take(fields);
        return null;
      },
    });
    this.#parser.resume();
    this.#ended = finished(this.#parser);
    this.#ended.catch((error: Error) => {
      this.#error ??=
        error instanceof ContentError ? error : this.contract.nextError('is not valid CSV');
    });
  }

  /** @throws ContentError for the first row that breaks the contract. */
  write(data: Buffer): void {
    this.#end = (this.#end + data.toString('latin1', Math.max(0, data.length - 2))).slice(-2);
    this.#parser.write(data);
    this.#throwError();
  }

  /** @throws ContentError if the last row is not complete. */
  async end(): Promise<void> {
    this.#parser.end();
    await this.#ended.catch(() => {});
    this.#throwError();
    if (!this.#hasHeader) throw new ContentError('schema', 'It has no line of column names.');
    if (this.#end !== END_OF_LINE)
      throw new ContentError('schema', 'It does not end with a line break.');
  }

  #take(fields: readonly (string | null)[]): void {
    const { columns } = this.contract;
    if (!this.#hasHeader) {
      this.#hasHeader = true;
      if (fields.join() === columns.map(({ name }) => name).join()) return;
      throw this.#keep(new ContentError('schema', 'It names other columns than the contract.'));
    }
    if (fields.length !== columns.length) {
      throw this.#keep(this.contract.nextError('has other columns than the contract'));
    }
    try {
      this.contract.check(
        Object.fromEntries(
          columns.map((column, index) => [column.name, readField(fields[index] ?? null, column)]),
        ),
      );
    } catch (error) {
      throw this.#keep(error as Error);
    }
  }

  /** The parser passes errors on later, and in a form of its own. */
  #keep(error: Error): Error {
    this.#error ??= error;
    return error;
  }

  #throwError(): void {
    if (this.#error !== null) throw this.#error;
  }
}

/** The value of a field as JSON Lines have it; undefined if it has none. */
function readField(text: string | null, { type }: Column): unknown {
  if (text === null || COLUMN_TYPES[type].json === 'string') return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
