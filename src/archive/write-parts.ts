import { mkdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import type { ArchiveFormat } from '../config/config.ts';
import { type ChangeCounts, ChangeTally } from '../model/change-counts.ts';
import { ResumableError } from '../model/errors.ts';
import {
  type ArchivedDataset,
  type Counts,
  DATASETS,
  listStateDatasets,
  type StateDataset,
  snapshotId,
} from '../model/snapshot.ts';
import { writeCsv } from './csv.ts';
import type { Destination } from './destination.ts';
import { type JsonLinesPart, readJsonLines, writeJsonLines } from './json-lines.ts';
import { partName, partsPrefix } from './layout.ts';
import {
  differentArchiveError,
  isChanges,
  type ManifestLink,
  type ManifestObject,
  type PublishedSnapshot,
  type SealedManifest,
} from './manifest.ts';
import { ParquetWriter } from './parquet.ts';
import { describeFile } from './read-object.ts';

/**
 * Opens a dataset's rows as JSON Lines in UTF-8: one object per line, each line terminated, in key
 * order, with every column of `COLUMNS` by name and in order. Times are `2026-11-20T02:00:00.000Z`,
 * `attributes` an object of strings, `mfa_options` an array or null, `groups` and `escaped` arrays
 * of strings, `precedence` a number or null, `settings` an object or null. Chunks need not end at the end of a line.
 */
export interface SnapshotRows {
  open(dataset: StateDataset): Promise<Readable>;
  /**
   * Opens `changes` in the same form: what differs from the snapshot before in the archive. Null if that
   * state is unknown, as that of another database.
   */
  openChanges(since: ManifestLink): Promise<ChangeRows | null>;
}

/** The changes since an earlier snapshot. */
export interface ChangeRows {
  readonly rows: Readable;
  /** The rows of each dataset in the earlier snapshot. */
  readonly before: Counts;
}

/** A dataset has a different number of rows than its snapshot published. */
export class RowsMissingError extends ResumableError {}

/** Parts whose rows are read in advance: enough that neither side waits for long. */
const PREFETCHED_PARTS = 3;

export interface PartsOptions {
  readonly formats: readonly ArchiveFormat[];
  readonly partRows: number;
  /** A private folder of this machine. It holds the files of at most four parts. */
  readonly folder: string;
  /** The existing manifest of this snapshot. Every part must match it. */
  readonly sealed: SealedManifest | null;
  /** The snapshot before in the archive, which `changes` is compared with. Null: none, or it cannot be. */
  readonly previous: ManifestLink | null;
  readonly signal: AbortSignal;
  /** Receives the rows of each object of the state after it was stored. */
  readonly onRows?: (rows: number) => void;
  /** Called if the history does not lead from the snapshot before to this one: it gets no `changes`. */
  readonly onChangesUnknown?: () => void;
}

/** A part that this run stored. */
export interface StoredPart extends ManifestObject {
  /** The id of its version; null if the destination keeps no versions. */
  readonly versionId: string | null;
}

/**
 * Writes and stores every part of a snapshot, one part at a time. DuckDB converts the current part
 * while Postgres and gzip prepare the next ones.
 */
export async function writeParts(
  destination: Destination,
  request: PublishedSnapshot,
  rows: SnapshotRows,
  options: PartsOptions,
): Promise<StoredPart[]> {
  const { folder, formats, signal } = options;
  const spillFolder = join(folder, 'spill');
  await mkdir(spillFolder, { mode: 0o700 });
  // Not awaited: the first rows are read while DuckDB starts.
  const opening = formats.includes('parquet') ? ParquetWriter.open(spillFolder) : null;
  opening?.catch(() => {});
  const sealedHashes =
    options.sealed &&
    new Map(options.sealed.manifest.objects.map(({ key, sha256 }) => [key, sha256]));

  async function store(
    { dataset, index, rows: count, changes }: DatasetPart,
    format: ArchiveFormat,
    path: string,
  ): Promise<StoredPart> {
    const file = await describeFile(path, signal);
    const prefix = partsPrefix(format, dataset, request.poolId, snapshotId(request.snapshotAt));
    const key = prefix + partName(format, index);
    if (options.sealed && sealedHashes?.get(key) !== file.sha256) {
      throw differentArchiveError(request, options.sealed.manifest);
    }
    const versionId = await destination.put(key, file, signal);
    await unlink(path);
    if (dataset !== 'changes') options.onRows?.(count);
    const { bytes, sha256 } = file;
    const own = { key, format, dataset, rows: count, bytes, sha256, versionId };
    return { ...own, ...(changes && { changes }) };
  }

  async function* storePart(part: DatasetPart): AsyncGenerator<StoredPart> {
    const { dataset, index, path } = part;
    const parquet = await opening;
    if (parquet) {
      const converted = join(folder, `${dataset}-${index}.parquet`);
      await parquet.write(dataset, part, converted, signal);
      yield store(part, 'parquet', converted);
    }
    if (formats.includes('csv')) {
      const converted = join(folder, `${dataset}-${index}.csv.gz`);
      await writeCsv(dataset, part, converted, signal);
      yield store(part, 'csv', converted);
    }
    if (formats.includes('jsonl')) yield store(part, 'jsonl', path);
    else await unlink(path);
  }

  const stop = new AbortController();
  const reading = { ...options, signal: AbortSignal.any([signal, stop.signal]) };
  const parts = prefetch(readParts(request, rows, reading), PREFETCHED_PARTS, () => stop.abort());
  try {
    const objects: StoredPart[] = [];
    for await (const part of parts) {
      for await (const object of storePart(part)) objects.push(object);
    }
    return objects;
  } finally {
    (await opening?.catch(() => null))?.close();
  }
}

interface DatasetPart extends JsonLinesPart {
  readonly dataset: ArchivedDataset;
  /** Of a part of `changes`. */
  readonly changes?: ChangeCounts;
}

type ReadingOptions = Pick<
  PartsOptions,
  'folder' | 'partRows' | 'sealed' | 'previous' | 'signal' | 'onChangesUnknown'
>;

/** Writes every part as a JSON Lines file. Throws `RowsMissingError` if the row count is wrong. */
async function* readParts(
  request: PublishedSnapshot,
  rows: SnapshotRows,
  options: ReadingOptions,
): AsyncGenerator<DatasetPart, void, undefined> {
  for (const dataset of listStateDatasets(request.counts)) {
    let total = 0;
    for await (const part of cutParts(dataset, await rows.open(dataset), options)) {
      total += part.rows;
      yield part;
    }
    assertRows(request, dataset, total);
  }
  yield* readChanges(request, rows, options);
}

/**
 * The same for `changes`, if it is known what the snapshot is compared with. Its parts are given only
 * when all are written, because only then it is known whether the history has all changes.
 */
async function* readChanges(
  request: PublishedSnapshot,
  rows: SnapshotRows,
  options: ReadingOptions,
): AsyncGenerator<DatasetPart, void, undefined> {
  const { previous, sealed } = options;
  // An earlier version of the program, which wrote no changes, may have sealed the snapshot.
  const isWanted = sealed === null || sealed.manifest.objects.some(isChanges);
  const opened = previous && isWanted ? await rows.openChanges(previous) : null;
  if (opened === null) return;
  const total = new ChangeTally();
  const parts: DatasetPart[] = [];
  for await (const part of cutParts('changes', opened.rows, options)) {
    const tally = new ChangeTally();
    for await (const { entity, kind } of readJsonLines(part.path)) tally.add(entity, kind);
    total.addAll(tally.counts);
    parts.push({ ...part, changes: tally.counts });
  }
  const leadHere = DATASETS.every((dataset) => {
    const { added, removed } = total.counts[dataset];
    return opened.before[dataset] + added - removed === request.counts[dataset];
  });
  if (leadHere) {
    yield* parts;
  } else {
    // Something else deleted rows, so the history does not show how this state came about. The state
    // itself is complete, and the next snapshot is compared with it.
    for (const { path } of parts) await unlink(path);
    options.onChangesUnknown?.();
  }
}

/** Writes the rows of one dataset. Destroys their source in any case. */
async function* cutParts(
  dataset: ArchivedDataset,
  rows: Readable,
  { folder, partRows, signal }: ReadingOptions,
): AsyncGenerator<DatasetPart, void, undefined> {
  const source = addAbortSignal(signal, rows);
  // The iterator throws the error; without a listener, one before the first read ends the process.
  source.on('error', () => {});
  try {
    const options = { folder, name: dataset, maxRows: partRows, signal };
    for await (const part of writeJsonLines(source, options)) yield { ...part, dataset };
  } finally {
    source.destroy();
  }
}

function assertRows(request: PublishedSnapshot, dataset: StateDataset, rows: number): void {
  const { poolId, snapshotAt, counts } = request;
  if (rows === counts[dataset]) return;
  throw new RowsMissingError(
    `${poolId}/${snapshotId(snapshotAt)} was published with ${counts[dataset]} ${dataset}, but Postgres returned ${rows} to archive, so the archive was not sealed. Run the command again to archive the snapshot.`,
  );
}

/**
 * Requests up to `count` items of a generator before the caller needs them.
 *
 * @param abandon called if the caller stops early, before the requested items are awaited.
 */
export async function* prefetch<T>(
  items: AsyncGenerator<T, void, undefined>,
  count: number,
  abandon: () => void,
): AsyncGenerator<T, void, undefined> {
  // A generator queues calls of `next` and produces its items one after the other.
  const requested: Promise<IteratorResult<T, void>>[] = [];
  const request = () => {
    const next = items.next();
    // It is awaited later: below, or at the end if the caller stops before it.
    next.catch(() => {});
    requested.push(next);
  };
  try {
    for (let i = 0; i < count; i += 1) request();
    for (let next = requested.shift(); next; next = requested.shift()) {
      const item = await next;
      if (item.done) return;
      request();
      yield item.value;
    }
  } finally {
    abandon();
    await Promise.allSettled(requested);
    await items.return();
  }
}
