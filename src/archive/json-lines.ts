import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { cutLines } from '../common/lines.ts';
import { ResumableError } from '../model/errors.ts';
import { writeGzip } from './gzip-file.ts';

/** A part as a JSON Lines file, with what the Parquet writer needs to know about it. */
export interface JsonLinesPart {
  readonly index: number;
  readonly path: string;
  readonly rows: number;
  /** The mean bytes of a row in the part's heaviest 1,000 rows. */
  readonly heaviestRowBytes: number;
}

/**
 * Writes rows as gzipped JSON Lines files `NAME-N.jsonl.gz` of at most `maxRows` rows. Starts the
 * next file when the caller requests it. Without rows, it writes one empty file. The same rows give the
 * same bytes.
 */
export async function* writeJsonLines(
  source: Readable,
  options: { folder: string; name: string; maxRows: number; signal: AbortSignal },
): AsyncGenerator<JsonLinesPart> {
  const { folder, name, maxRows, signal } = options;
  const stream = new RowStream(source);
  let index = 0;
  do {
    const path = join(folder, `${name}-${index}.jsonl.gz`);
    await writeGzip(path, stream.take(maxRows), signal);
    yield { index, path, rows: stream.rows, heaviestRowBytes: stream.heaviestRowBytes };
    index += 1;
  } while (await stream.hasMore());
}

/** The rows of a JSON Lines file that this program has written, one at a time. */
export async function* readJsonLines(path: string): AsyncGenerator<Record<string, unknown>> {
  for await (const line of readLines(path)) yield JSON.parse(line);
}

/** The lines of the same file as text, without their ends. */
export async function* readLines(path: string): AsyncGenerator<string> {
  // The loop throws the error of either stream.
  const text = pipeline(createReadStream(path), createGunzip().setEncoding('utf8'), () => {});
  for await (const lines of cutLines(text)) yield* lines;
}

/** The error for rows of which the last is cut off. */
export function endedWithinRowError(): ResumableError {
  return new ResumableError(
    'The rows to archive ended in the middle of a row. Run the command again to archive the snapshot.',
  );
}

const NEWLINE = 0x0a;
/** The rows over which the size of a row is averaged. */
const BLOCK_ROWS = 1_000;

/** Cuts a stream of JSON Lines into runs of whole rows. Holds one chunk of the stream at a time. */
export class RowStream {
  /** Rows of the last run. */
  rows = 0;
  /** The mean bytes of a row in the heaviest 1,000 rows of the last run. */
  heaviestRowBytes = 0;
  readonly #chunks: AsyncIterator<Buffer>;
  #pending: Buffer = Buffer.alloc(0);
  #inRow = false;
  #blockBytes = 0;

  /** The edges of chunks need not be the edges of rows. */
  constructor(source: Readable) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Returns true if a row follows. Throws if the stream ended within a row. */
  async hasMore(): Promise<boolean> {
    while (this.#pending.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) {
        if (!this.#inRow) return false;
        throw endedWithinRowError();
      }
      this.#pending = next.value;
    }
    return true;
  }

  /** Yields the bytes of the next run: at most `count` rows, fewer only at the stream's end. */
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
