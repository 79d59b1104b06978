import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';

/** Rows are collected up to this size before they are written. */
const WRITE_BYTES = 256 * 1024;
/** Most rows fit into one such piece. */
const READ_BYTES = 64 * 1024;
/** A single row is read with a smaller piece. */
const ROW_BYTES = 2 * 1024;

const NEWLINE = 0x0a;

/**
 * Rows on disk instead of in memory, as JSON Lines. The file has no name once it is open, so nothing of
 * it remains when the process ends, however it ends. Memory is the same for any number of rows.
 */
export class Spool<T> {
  readonly #file: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #written = 0;
  #count = 0;

  /** @param path the path of a new file, in a folder that only this process uses */
  constructor(path: string) {
    this.#file = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
  }

  /** How many rows there are. */
  get count(): number {
    return this.#count;
  }

  /** Adds a row. Returns its position, for `at`. */
  append(row: T): number {
    const line = Buffer.from(`${JSON.stringify(row)}\n`);
    const position = this.#written + this.#pendingBytes;
    this.#pending.push(line);
    this.#pendingBytes += line.length;
    this.#count += 1;
    if (this.#pendingBytes >= WRITE_BYTES) this.#flush();
    return position;
  }

  /** The row at a position that `append` returned. */
  at(position: number): T {
    this.#flush();
    let line = Buffer.alloc(0);
    for (;;) {
      const piece = this.#read(position + line.length, ROW_BYTES);
      const end = piece.indexOf(NEWLINE);
      line = Buffer.concat([line, end === -1 ? piece : piece.subarray(0, end)]);
      if (end !== -1 || piece.length === 0) return JSON.parse(line.toString()) as T;
    }
  }

  /** All rows, in their order. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    this.#flush();
    let rest = Buffer.alloc(0);
    for (let position = 0; position < this.#written; ) {
      const piece = this.#read(position, READ_BYTES);
      position += piece.length;
      let text = Buffer.concat([rest, piece]);
      for (let end = text.indexOf(NEWLINE); end !== -1; end = text.indexOf(NEWLINE)) {
        yield JSON.parse(text.toString('utf8', 0, end)) as T;
        text = text.subarray(end + 1);
      }
      rest = text;
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#pending);
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#file, bytes, done, bytes.length - done, this.#written + done);
    }
    this.#written += bytes.length;
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  #read(position: number, length: number): Buffer {
    const piece = Buffer.allocUnsafe(length);
    return piece.subarray(0, readSync(this.#file, piece, 0, length, position));
  }
}
