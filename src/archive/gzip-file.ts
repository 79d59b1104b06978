import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { ResumableError } from '../model/errors.ts';

/** Four fifths of level 6's gain at twice its speed. */
const GZIP_LEVEL = 4;
/** The offset of the operating system in a gzip header, and the value for "unknown" (RFC 1952). */
const OS_OFFSET = 9;
const OS_UNKNOWN = 255;

/**
 * Writes data as a gzip file of one member. The same data gives the same bytes: the header's time is zero
 * and its operating system unknown.
 */
export async function writeGzip(
  path: string,
  data: AsyncIterable<Buffer | string>,
  signal: AbortSignal,
): Promise<void> {
  const file = createWriteStream(path, { mode: 0o600 });
  await pipeline(data, createGzip({ level: GZIP_LEVEL }), file, { signal }).catch(
    (error: NodeJS.ErrnoException) => {
      throw explainWriteError(dirname(path), error);
    },
  );
  await eraseOperatingSystem(path);
}

const FREE_SPACE = 'Free space on the disk of MIRROR_HOME';
const WRITE_REMEDIES: ReadonlyMap<string | undefined, string> = new Map([
  ['ENOSPC', FREE_SPACE],
  ['EDQUOT', FREE_SPACE],
  ['EFBIG', 'Raise the limit on file sizes (`ulimit -f unlimited`)'],
]);

function explainWriteError(folder: string, cause: NodeJS.ErrnoException): Error {
  const remedy = WRITE_REMEDIES.get(cause.code);
  if (remedy === undefined) return cause;
  return new ResumableError(
    `A part of the archive cannot be written in ${folder} (${cause.code}). ` +
      `${remedy}, then run the command again to resume.`,
    { cause },
  );
}

async function eraseOperatingSystem(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write(Uint8Array.of(OS_UNKNOWN), 0, 1, OS_OFFSET);
  } finally {
    await file.close();
  }
}
