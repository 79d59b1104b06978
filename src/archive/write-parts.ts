import { mkdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import type { ArchiveFormat } from '../config/config.ts';
import { ResumableError } from '../model/errors.ts';
import { type Counts, DATASETS, type Dataset, snapshotId } from '../model/snapshot.ts';
import type { Destination } from './destination.ts';
import { describeFile } from './digest.ts';
import { type JsonLinesPart, writeJsonLines } from './json-lines.ts';
import { partName, partsPrefix } from './layout.ts';
import { type ManifestObject, sealedHashes } from './manifest.ts';
import { ParquetWriter } from './parquet.ts';
import { explainDifferentManifest } from './sealed-otherwise.ts';

/**
 * Gives a dataset's rows as JSON Lines in UTF-8: one object a line, each line ended, in key order,
 * with every column of `COLUMNS` (src/model/columns.ts) by name and in order. Times are `2026-11-20T02:00:00.000Z`,
 * `attributes` an object of strings, `mfa_options` an array or null, `groups` and `escaped` arrays
 * of strings, `precedence` a number or null. Chunks need not end where lines do.
 */
export interface SnapshotRows {
  open(dataset: Dataset): Promise<Readable>;
}

/** A dataset has another number of rows than its snapshot published. */
export class RowsMissingError extends ResumableError {}

/** Parts whose rows are read before it is their turn: so many that neither side waits for long. */
const PARTS_AHEAD = 3;

/** The snapshot whose parts are written, and how many rows it must have. */
export interface PartsRequest {
  readonly poolId: string;
  readonly snapshotAt: Date;
  readonly walkedAt: Date;
  readonly publishedAt: Date;
  readonly counts: Counts;
}

export interface PartsOptions {
  readonly formats: readonly ArchiveFormat[];
  readonly partRows: number;
  /** A private folder of this machine; it holds the files of four parts at most. */
  readonly folder: string;
  /** The manifest that names these parts already, if one does: none may differ from it. */
  readonly sealed: Buffer | null;
  readonly signal: AbortSignal;
  /** Told the rows of each object once it is stored. */
  readonly onRows?: (rows: number) => void;
}

/**
 * Writes, stores and describes every part of a snapshot, a dataset and a part at a time. The rows of
 * the next ones are read meanwhile: Postgres and gzip work on those, DuckDB on the part in hand.
 */
export async function writeParts(
  destination: Destination,
  request: PartsRequest,
  rows: SnapshotRows,
  options: PartsOptions,
): Promise<ManifestObject[]> {
  const { folder, formats, signal } = options;
  const spillFolder = join(folder, 'spill');
  await mkdir(spillFolder, { mode: 0o700 });
  // Opening DuckDB takes a moment: rows are read meanwhile.
  const opening = formats.includes('parquet') ? ParquetWriter.open(spillFolder) : null;
  opening?.catch(() => {});
  const sealed = options.sealed && sealedHashes(options.sealed);

  async function store(
    { dataset, index, rows: count }: DatasetPart,
    format: ArchiveFormat,
    path: string,
  ): Promise<ManifestObject> {
    const file = await describeFile(path, signal);
    const prefix = partsPrefix(format, dataset, request.poolId, snapshotId(request.snapshotAt));
    const key = prefix + partName(format, index);
    if (sealed && sealed.get(key) !== file.sha256)
      throw explainDifferentManifest(request, options.sealed);
    await destination.put(key, file, signal);
    await unlink(path);
    options.onRows?.(count);
    return { key, format, dataset, rows: count, bytes: file.bytes, sha256: file.sha256 };
  }

  async function* storePart(part: DatasetPart): AsyncGenerator<ManifestObject> {
    const { dataset, index, path } = part;
    const parquet = await opening;
    if (parquet) {
      const converted = join(folder, `${dataset}-${index}.parquet`);
      await parquet.write(dataset, part, converted, signal);
      yield store(part, 'parquet', converted);
    }
    if (formats.includes('jsonl')) yield store(part, 'jsonl', path);
    else await unlink(path);
  }

  const stop = new AbortController();
  const reading = { ...options, signal: AbortSignal.any([signal, stop.signal]) };
  const parts = prefetch(readParts(request, rows, reading), PARTS_AHEAD, () => stop.abort());
  try {
    const objects: ManifestObject[] = [];
    for await (const part of parts) {
      for await (const object of storePart(part)) objects.push(object);
    }
    return objects;
  } finally {
    (await opening?.catch(() => null))?.close();
  }
}

/** A part of a dataset. */
interface DatasetPart extends JsonLinesPart {
  readonly dataset: Dataset;
}

/** Every part as a JSON Lines file. Throws `RowsMissingError` where a dataset has not all its rows. */
async function* readParts(
  request: PartsRequest,
  rows: SnapshotRows,
  { folder, partRows, signal }: Pick<PartsOptions, 'folder' | 'partRows' | 'signal'>,
): AsyncGenerator<DatasetPart, void, undefined> {
  for (const dataset of DATASETS) {
    const source = addAbortSignal(signal, await rows.open(dataset));
    // A failure reaches the reader through its iterator; one before the first read must too.
    source.on('error', () => {});
    try {
      let total = 0;
      const options = { folder, name: dataset, maxRows: partRows, signal };
      for await (const part of writeJsonLines(source, options)) {
        total += part.rows;
        yield { ...part, dataset };
      }
      if (total !== request.counts[dataset]) {
        throw new RowsMissingError(
          `${request.poolId}/${snapshotId(request.snapshotAt)} has ${request.counts[dataset]} ${dataset}, but ${total} came to be archived, so the archive was not sealed. Run it again to archive the snapshot.`,
        );
      }
    } finally {
      source.destroy();
    }
  }
}

/**
 * Has the next items made while one is used: `count` of them at most.
 *
 * @param abandon is called before the rest is waited for, so that what nobody will use can stop.
 */
export async function* prefetch<T>(
  items: AsyncGenerator<T, void, undefined>,
  count: number,
  abandon: () => void,
): AsyncGenerator<T, void, undefined> {
  // A generator makes what it is asked for one after the other, however often it is asked.
  const asked: Promise<IteratorResult<T, void>>[] = [];
  const ask = () => {
    const next = items.next();
    // Its failure is met when it is awaited: here, or at the end where the caller stops before it.
    next.catch(() => {});
    asked.push(next);
  };
  try {
    for (let i = 0; i < count; i += 1) ask();
    for (let next = asked.shift(); next; next = asked.shift()) {
      const item = await next;
      if (item.done) return;
      ask();
      yield item.value;
    }
  } finally {
    abandon();
    await Promise.allSettled(asked);
    await items.return();
  }
}
