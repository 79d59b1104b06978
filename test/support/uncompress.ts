import { gunzipSync } from 'node:zlib';
import { parquetMetadata } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { decompressPage } from 'hyparquet/src/datapage.js';
import { compressors } from 'hyparquet-compressors';

/** Encodings that keep a text in one piece, in the page itself or in its dictionary. */
const SEARCHABLE = new Set(['PLAIN', 'PLAIN_DICTIONARY', 'RLE_DICTIONARY']);

/** The bytes of an object of an archive or of another file, without compression, so that they can be searched. */
export function uncompress(name: string, bytes: Buffer): Buffer {
  if (name.endsWith('.gz')) return gunzipSync(bytes);
  return name.endsWith('.parquet') ? uncompressParquet(bytes) : bytes;
}

/**
 * The file as it is, whose footer has statistics with values of rows, then each page of each column without
 * compression. What reads it is not what writes Parquet in the program.
 */
function uncompressParquet(bytes: Buffer): Buffer {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  const pages: Uint8Array[] = [];
  for (const { columns } of parquetMetadata(file).row_groups) {
    for (const { meta_data: column } of columns) {
      if (column === undefined) throw new Error('A column has no metadata.');
      const start = Number(column.dictionary_page_offset ?? column.data_page_offset);
      const length = Number(column.total_compressed_size);
      const reader = { view: new DataView(file, start, length), offset: 0 };
      while (reader.offset < length) {
        const header = parquetHeader(reader);
        const page = header.data_page_header ?? header.dictionary_page_header;
        if (page === undefined) throw new Error(`A page of type ${header.type} is not searched.`);
        if (!SEARCHABLE.has(page.encoding)) throw new Error(`${page.encoding} is not searched.`);
        const { compressed_page_size: size, uncompressed_page_size: whole } = header;
        const compressed = new Uint8Array(file, start + reader.offset, size);
        pages.push(decompressPage(compressed, whole, column.codec, compressors));
        reader.offset += size;
      }
    }
  }
  return Buffer.concat([bytes, ...pages]);
}
