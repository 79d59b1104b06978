import type { Readable } from 'node:stream';
import { ResumableError } from '../model/errors.ts';

const NEWLINE = 0x0a;
/** Rows over which the size of rows is averaged. */
const BLOCK_ROWS = 1_000;

/**
 * Cuts a stream of JSON Lines into runs of whole rows. It holds one chunk of the stream at a time,
 * whose edges need not be those of rows.
 */
export class RowStream {
  /** Rows of the last run. */
  rows = 0;
  /** The mean bytes of a row in the heaviest 1,000 rows of the last run. */
  heaviestRowBytes = 0;
  readonly #chunks: AsyncIterator<Buffer>;
  #pending: Buffer = Buffer.alloc(0);
  #inRow = false;
  #blockBytes = 0;

  constructor(source: Readable) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** True if a row follows. Throws where the stream ended within a row. */
  async hasMore(): Promise<boolean> {
    while (this.#pending.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) {
        if (!this.#inRow) return false;
        throw new ResumableError(
          'The rows to archive ended in the middle of a row. Run again to archive the snapshot.',
        );
      }
      this.#pending = next.value;
    }
    return true;
  }

  /** The bytes of the next run of rows: at most `count`, fewer only at the stream's end. */
  async *take(count: number): AsyncGenerator<Buffer> {
    this.rows = 0;
    this.heaviestRowBytes = 0;
    while (this.rows < count && (await this.hasMore())) {
      const chunk = this.#pending;
      let end = 0;
      while (end < chunk.length && this.rows < count) {
        const newline = chunk.indexOf(NEWLINE, end);
        this.#inRow = newline < 0;
        const next = this.#inRow ? chunk.length : newline + 1;
        this.#blockBytes += next - end;
        end = next;
        if (!this.#inRow) {
          this.rows += 1;
          if (this.rows % BLOCK_ROWS === 0) this.#endBlock(BLOCK_ROWS);
        }
      }
      this.#pending = chunk.subarray(end);
      yield chunk.subarray(0, end);
    }
    this.#endBlock(Math.max(1, Math.min(this.rows, BLOCK_ROWS)));
  }

  #endBlock(rows: number): void {
    this.heaviestRowBytes = Math.max(this.heaviestRowBytes, Math.ceil(this.#blockBytes / rows));
    this.#blockBytes = 0;
  }
}
