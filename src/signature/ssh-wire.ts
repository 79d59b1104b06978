/** Encodes a `string` of SSH's wire format (RFC 4251): its length in four bytes, then its bytes. */
export function encodeString(value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([encodeUint32(bytes.length), bytes]);
}

export function encodeUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** The bytes are not in the format that was expected. The message is the end of a sentence. */
export class FormatError extends Error {}

/** Reads values of SSH's wire format in order. Throws `FormatError` where the bytes end too early. */
export class WireReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(length: number): Buffer {
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw new FormatError('it ends too early');
    const taken = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return taken;
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  string(): Buffer {
    return this.take(this.uint32());
  }

  text(): string {
    return this.string().toString('latin1');
  }

  /** The bytes that were not read yet. */
  rest(): Buffer {
    return this.take(this.#bytes.length - this.#offset);
  }

  /** Throws unless everything was read. */
  end(): void {
    if (this.#offset < this.#bytes.length) throw new FormatError('it has bytes after its end');
  }
}
