import type { ArchivedDataset } from '../model/snapshot.ts';
import { MAX_ROW_BYTES, RowContract } from './row-contract.ts';

const NEWLINE = 0x0a;

/** Checks JSON Lines. Holds one chunk and one row. */
export class JsonLinesChecker {
  readonly contract: RowContract;
  #rest: Buffer = Buffer.alloc(0);

  constructor(dataset: ArchivedDataset, version: number) {
    this.contract = new RowContract(dataset, version);
  }

  /** @throws ContentError for the first row that breaks the contract. */
  write(data: Buffer): void {
    const bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(NEWLINE, start);
      if (end < 0) break;
      this.#check(bytes.toString('utf8', start, end));
      start = end + 1;
    }
    // A copy: the chunk's memory is not ours.
    this.#rest = Buffer.from(bytes.subarray(start));
    if (this.#rest.length > MAX_ROW_BYTES) {
      throw this.contract.nextError('is longer than any row can be');
    }
  }

  /** @throws ContentError if the last row is not complete. */
  async end(): Promise<void> {
    if (this.#rest.length > 0) throw this.contract.nextError('does not end with a line break');
  }

  #check(line: string): void {
    const row = parseObject(line);
    if (row === null) throw this.contract.nextError('is not a JSON object');
    const { columns } = this.contract;
    const names = Object.keys(row);
    const hasColumns =
      names.length === columns.length && columns.every(({ name }, index) => names[index] === name);
    if (!hasColumns) throw this.contract.nextError('has other columns than the contract');
    this.contract.check(row);
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
