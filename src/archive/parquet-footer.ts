import { type FileHandle, open } from 'node:fs/promises';

/** The end of a Parquet file: the footer's length (4 bytes, little endian) and `PAR1`. */
const TRAILER_BYTES = 8;

/*
 * How a column's schema element ends in the footer (Thrift's compact protocol), after its name:
 * converted_type TIMESTAMP_MILLIS, then logicalType TIMESTAMP { isAdjustedToUTC: false, MILLIS }.
 */
const CONVERTED_TYPE_MILLIS = [0x25, 0x12];
const LOGICAL_TYPE_TIMESTAMP = [0x4c, 0x8c];
const NOT_ADJUSTED_TO_UTC = 0x12;
const ADJUSTED_TO_UTC = 0x11;
const UNIT_MILLIS_AND_ENDS = [0x1c, 0x1c, 0x00, 0x00, 0x00, 0x00, 0x00];

/**
 * Marks millisecond timestamps of a Parquet file as UTC, in place.
 *
 * DuckDB writes milliseconds without the UTC flag alone, or microseconds with it. A flag in the
 * compact protocol is the low half of its field's header, so setting it changes one byte and no
 * length. The bytes sought begin with the column's name and are no UTF-8, so no text in the footer's
 * statistics has them; anything but exactly one match throws and leaves the file as it was.
 */
export async function markTimestampsUtc(path: string, columns: readonly string[]): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { footer, start } = await readFooter(file);
    const flags = columns.map((column) => start + flagOffset(footer, column));
    for (const flag of flags) await file.write(Uint8Array.of(ADJUSTED_TO_UTC), 0, 1, flag);
  } finally {
    await file.close();
  }
}

async function readFooter(file: FileHandle): Promise<{ footer: Buffer; start: number }> {
  const { size } = await file.stat();
  const trailer = Buffer.alloc(TRAILER_BYTES);
  await file.read(trailer, 0, TRAILER_BYTES, size - TRAILER_BYTES);
  const footer = Buffer.alloc(trailer.readUInt32LE(0));
  const start = size - TRAILER_BYTES - footer.length;
  await file.read(footer, 0, footer.length, start);
  return { footer, start };
}

function flagOffset(footer: Buffer, column: string): number {
  const beforeFlag = Buffer.concat([
    Buffer.from(column),
    Buffer.from([...CONVERTED_TYPE_MILLIS, ...LOGICAL_TYPE_TIMESTAMP]),
  ]);
  const sought = Buffer.concat([
    beforeFlag,
    Buffer.from([NOT_ADJUSTED_TO_UTC, ...UNIT_MILLIS_AND_ENDS]),
  ]);
  const at = footer.indexOf(sought);
  if (at < 0 || footer.indexOf(sought, at + 1) >= 0) {
    throw new Error(
      `The Parquet writer's footer does not describe the column ${column} as expected. ` +
        'This is a defect of this version: use the version of @duckdb/node-api in its lock file.',
    );
  }
  return at + beforeFlag.length;
}
