import { once } from 'node:events';
import { crc32, createInflateRaw } from 'node:zlib';
import { ContentError } from './content-error.ts';

const NOT_GZIP = 'It is not gzip as cognito-mirror writes it.';

function createShortError(): ContentError {
  return new ContentError('truncated', 'Its gzip member ends after the file.');
}

/** Ten bytes: a magic number, the method "deflate", and no optional fields (RFC 1952). */
const HEADER_BYTES = 10;
const HEADER = Buffer.of(0x1f, 0x8b, 8, 0);
/** Larger chunks than Node's 16 kB: fewer rows cross the edge of one. */
const CHUNK_BYTES = 65_536;
/** The CRC-32 of the data and its length, at the end. */
const TRAILER_BYTES = 8;

/**
 * Inflates a gzip file, chunk by chunk. Unlike Node's own, it accepts exactly one member, as sealed
 * parts have, and nothing after it.
 */
export class GzipMember {
  readonly #inflate = createInflateRaw({ chunkSize: CHUNK_BYTES });
  readonly #use: (data: Buffer) => void;
  #header: Buffer = Buffer.alloc(0);
  /** The last bytes so far, which may be the trailer. */
  #held: Buffer = Buffer.alloc(0);
  #written = 0;
  #crc = 0;
  #size = 0;
  #error: Error | null = null;
  readonly #ended: Promise<unknown>;

  /** @param use receives the inflated data. */
  constructor(use: (data: Buffer) => void) {
    this.#use = use;
    this.#inflate.on('data', (data: Buffer) => {
      this.#crc = crc32(data, this.#crc);
      this.#size += data.length;
      try {
        if (this.#error === null) this.#use(data);
      } catch (error) {
        this.#error = error as Error;
      }
    });
    this.#ended = once(this.#inflate, 'end');
    this.#ended.catch(({ code }: NodeJS.ErrnoException) => {
      const isShort = code === 'Z_BUF_ERROR';
      this.#error ??= isShort ? createShortError() : new ContentError('schema', NOT_GZIP);
    });
  }

  /** @throws ContentError, or what the receiver of the data throws. */
  async write(chunk: Buffer): Promise<void> {
    this.#throwError();
    let bytes = Buffer.concat([this.#held, chunk]);
    if (this.#header.length < HEADER_BYTES) {
      const missing = HEADER_BYTES - this.#header.length;
      this.#header = Buffer.concat([this.#header, bytes.subarray(0, missing)]);
      bytes = bytes.subarray(missing);
      if (this.#header.length === HEADER_BYTES && !this.#header.subarray(0, 4).equals(HEADER)) {
        throw new ContentError('schema', NOT_GZIP);
      }
    }
    const end = Math.max(0, bytes.length - TRAILER_BYTES);
    this.#held = bytes.subarray(end);
    if (end === 0) return;
    this.#written += end;
    const accepted = this.#inflate.write(bytes.subarray(0, end));
    if (!accepted) await Promise.race([once(this.#inflate, 'drain'), this.#ended]).catch(() => {});
    this.#throwError();
  }

  /** @throws ContentError, or what the receiver of the data throws. */
  async end(): Promise<void> {
    this.#inflate.end();
    await this.#ended.catch(() => {});
    this.#throwError();
    if (this.#inflate.bytesWritten < this.#written) {
      throw new ContentError('appended', 'Bytes follow after the end of its gzip member.');
    }
    const isWhole =
      this.#held.length === TRAILER_BYTES &&
      this.#held.readUInt32LE(0) === this.#crc &&
      this.#held.readUInt32LE(4) === this.#size % 2 ** 32;
    if (!isWhole) throw createShortError();
  }

  /** Ends early. */
  destroy(): void {
    this.#inflate.destroy();
  }

  #throwError(): void {
    if (this.#error !== null) throw this.#error;
  }
}
