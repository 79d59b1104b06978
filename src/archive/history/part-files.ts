import { rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { COLUMN_TYPES, COLUMNS, columnsOf } from '../../model/columns.ts';
import { ActionRequiredError } from '../../model/errors.ts';
import type { StateDataset } from '../../model/snapshot.ts';
import { copySealed } from '../copy-object.ts';
import type { Destination } from '../destination.ts';
import { quoteLiteral } from '../duckdb.ts';
import type { ManifestObject } from '../manifest.ts';
import { ParquetWriter } from '../parquet.ts';
import type { SealedSnapshot } from '../sealed-snapshot.ts';

/** Copies that nothing uses stay, for the next pass, up to these bytes in all. */
const MOST_IDLE_BYTES = 1024 ** 3;

/** JSON Lines is larger than its gzip by about this factor at most. */
const GZIP_FACTOR = 20;

/** The parts of a dataset as Parquet files of this machine. */
export interface HeldParts {
  /** A table of DuckDB with the rows. */
  readonly table: string;
  /** The paths as a list of DuckDB. */
  readonly paths: string;
  /** Allows to delete the files. */
  release(): void;
}

interface Copy {
  readonly path: string;
  readonly bytes: number;
  holders: number;
}

/**
 * The parts of an archive as Parquet files of this machine. Those of a bucket are copied into a private
 * folder, and JSON Lines is converted there. Nothing is used before its SHA-256 was compared with that of
 * the manifest.
 */
export class PartFiles {
  readonly #destination: Destination;
  readonly #folder: string;
  readonly #signal: AbortSignal;
  /** Keys of parts in a folder that were compared. */
  readonly #compared = new Set<string>();
  /** By key, those that were used last at the end. */
  readonly #copies = new Map<string, Copy>();
  #files = 0;

  /** @param folder a private folder, which the caller removes. */
  constructor(destination: Destination, folder: string, signal: AbortSignal) {
    this.#destination = destination;
    this.#folder = folder;
    this.#signal = signal;
  }

  /**
   * Gets the parts of a dataset in a snapshot. They stay until they are released.
   *
   * @throws ActionRequiredError if a part is missing or altered, or the snapshot has no usable format
   */
  async hold(snapshot: SealedSnapshot, dataset: StateDataset): Promise<HeldParts> {
    const copies: Copy[] = [];
    const release = () => {
      for (const copy of copies.splice(0)) copy.holders -= 1;
    };
    try {
      const paths: string[] = [];
      const objects = chooseParts(this.#destination, snapshot, dataset);
      for (const object of objects) {
        const path = await this.#comparedFile(object);
        const copy = path === null ? await this.#copy(object) : null;
        if (copy !== null) copies.push(copy);
        paths.push(quoteLiteral(path ?? (copy as Copy).path));
      }
      const list = `[${paths.join(', ')}]`;
      const rows = `read_parquet(${list}, hive_partitioning = false)`;
      return { table: addColumns(rows, objects, snapshot, dataset), paths: list, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** The path of a Parquet part that is a file of this machine already; else null. */
  async #comparedFile(object: ManifestObject): Promise<string | null> {
    const path = object.format === 'parquet' ? this.#destination.localPath(object.key) : null;
    if (path === null || this.#compared.has(object.key)) return path;
    await copySealed(this.#destination, object, null, this.#signal);
    this.#compared.add(object.key);
    return path;
  }

  /** A copy of a part in Parquet, which has one more holder now. */
  async #copy(object: ManifestObject): Promise<Copy> {
    const known = this.#copies.get(object.key);
    this.#copies.delete(object.key);
    const copy = known ?? (await this.#makeCopy(object));
    copy.holders += 1;
    this.#copies.set(object.key, copy);
    await this.#deleteIdle();
    return copy;
  }

  async #makeCopy(object: ManifestObject): Promise<Copy> {
    this.#files += 1;
    const path = join(this.#folder, `${this.#files}.${object.format}`);
    await copySealed(this.#destination, object, path, this.#signal);
    if (object.format === 'parquet') return { path, bytes: object.bytes, holders: 0 };
    const converted = join(this.#folder, `${this.#files}.parquet`);
    await this.#convert(object, path, converted);
    await unlink(path);
    return { path: converted, bytes: object.bytes, holders: 0 };
  }

  async #convert({ dataset, rows, bytes }: ManifestObject, path: string, to: string) {
    const writer = await ParquetWriter.open(this.#folder);
    try {
      const heaviestRowBytes = Math.ceil((bytes * GZIP_FACTOR) / Math.max(1, rows));
      const part = { index: 0, path, rows, heaviestRowBytes };
      await writer.write(dataset, part, to, this.#signal);
    } finally {
      writer.close();
    }
  }

  /** Deletes the copies that were used longest ago and that nothing uses, above the limit. */
  async #deleteIdle(): Promise<void> {
    const idle = [...this.#copies].filter(([, { holders }]) => holders === 0);
    let total = idle.reduce((sum, [, { bytes }]) => sum + bytes, 0);
    for (const [key, { path, bytes }] of idle) {
      if (total <= MOST_IDLE_BYTES) return;
      total -= bytes;
      this.#copies.delete(key);
      await rm(path, { force: true });
    }
  }
}

/** True if a dataset has the same bytes in two snapshots. */
export function hasSameParts(a: SealedSnapshot, b: SealedSnapshot, dataset: StateDataset): boolean {
  const hashes = ({ objects }: SealedSnapshot) =>
    objects
      .filter((object) => object.dataset === dataset)
      .map(({ format, sha256 }) => `${format} ${sha256}`)
      .sort()
      .join();
  return hashes(a) === hashes(b);
}

/** Parts that an earlier version sealed lack columns. Converting JSON Lines adds them. */
function addColumns(
  rows: string,
  [first]: readonly ManifestObject[],
  { version }: SealedSnapshot,
  dataset: StateDataset,
): string {
  const known = new Set(columnsOf(dataset, version).map(({ name }) => name));
  const lacking = COLUMNS[dataset].filter(({ name }) => !known.has(name));
  if (lacking.length === 0 || first?.format !== 'parquet') return rows;
  const columns = lacking.map(({ name, type }) => `NULL::${COLUMN_TYPES[type].parquet} AS ${name}`);
  return `(SELECT *, ${columns.join(', ')} FROM ${rows})`;
}

/** Parquet if the snapshot has it, else JSON Lines. */
function chooseParts(
  { url }: Destination,
  { snapshot, objects }: SealedSnapshot,
  dataset: StateDataset,
): ManifestObject[] {
  const own = objects.filter((object) => object.dataset === dataset);
  for (const format of ['parquet', 'jsonl'] as const) {
    const parts = own.filter((object) => object.format === format);
    if (parts.length > 0) return parts;
  }
  throw ActionRequiredError.of(
    url,
    `the archive of ${snapshot} has its ${dataset} neither in Parquet nor in JSON Lines.`,
    'Add parquet or jsonl to ARCHIVE_FORMATS; later snapshots then have them.',
  );
}
