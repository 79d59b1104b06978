import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { copySealed } from '../archive/copy-object.ts';
import type { Destination } from '../archive/destination.ts';
import type { PartEditors } from '../archive/erasure/part-editors.ts';
import type { FoundPerson } from '../archive/erasure/persons.ts';
import { locksPrefix } from '../archive/layout.ts';
import type { ManifestObject } from '../archive/manifest.ts';
import { untrustedError } from '../archive/sealed-snapshot.ts';
import type { ARCHIVE_FORMATS } from '../config/config.ts';
import { COLUMNS } from '../model/columns.ts';
import { ARCHIVED_DATASETS } from '../model/snapshot.ts';
import { checkDocuments, type SnapshotDocuments } from '../verify/check-documents.ts';
import { SignatureChecker } from '../verify/check-signature.ts';
import { type ListedSnapshot, listPool } from '../verify/list-archive.ts';

/** A sealed snapshot whose objects are there. */
export interface SealedState {
  readonly listed: ListedSnapshot;
  readonly documents: SnapshotDocuments;
  /** True if a run began to write it: its lock is there. */
  readonly isBegun: boolean;
  /** Every object and document that the listing has of it. */
  readonly keys: readonly string[];
  /** True if what is written beside its manifest must be signed. */
  readonly needsSignature: boolean;
}

/**
 * Reads the documents of a pool's archive, and lists its objects.
 *
 * @returns the snapshots whose objects were not removed, oldest first
 * @throws ActionRequiredError if a document is not as it was sealed: it is evidence, and stays as it is.
 */
export async function readState(
  destination: Destination,
  poolId: string,
  signal: AbortSignal,
): Promise<SealedState[]> {
  const { snapshots, sizes } = await listPool(destination, poolId, signal);
  const locks = new Set<string>();
  const prefix = locksPrefix(poolId);
  for await (const { key } of destination.list(prefix, signal)) {
    locks.add(key.slice(prefix.length, -'.json'.length));
  }
  const keysOf = groupKeys([...sizes.keys()]);
  const signatures = new SignatureChecker(destination, null);
  const states: SealedState[] = [];
  let needsSignature = false;
  for (const listed of snapshots) {
    const { snapshot, hasManifest, hasRemoval } = listed;
    // A snapshot that is being archived has no manifest yet.
    if (!hasManifest) continue;
    const context = { destination, poolId, signatures, needsSignature, signal };
    const documents = await checkDocuments(context, listed);
    const [finding] = documents.findings;
    if (finding !== undefined) throw untrustedError(destination.url, finding.key, finding.detail);
    needsSignature ||= documents.isSigned;
    if (hasRemoval) continue;
    const keys = keysOf.get(snapshot) ?? [];
    const isBegun = locks.has(snapshot);
    states.push({ listed, documents, isBegun, keys, needsSignature });
  }
  return states;
}

function groupKeys(keys: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const key of keys) {
    const [snapshot] = /\d{8}T\d{6}Z/.exec(key) ?? [];
    if (snapshot === undefined) continue;
    groups.set(snapshot, [...(groups.get(snapshot) ?? []), key]);
  }
  return groups;
}

/** Where persons are in a snapshot. */
export interface SearchedSnapshot extends SealedState {
  /** The persons in each part that has any, by its key. */
  readonly found: ReadonlyMap<string, readonly FoundPerson[]>;
}

export interface SearchOptions {
  readonly editors: PartEditors;
  /** A private folder for a copy of one part. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** The formats, the fastest to search first. */
const FASTEST = ['parquet', 'jsonl', 'csv'] as const satisfies typeof ARCHIVE_FORMATS;

/**
 * Finds the persons whose username or `sub` is one of these texts, in every part of every snapshot. The
 * formats of a snapshot have the same rows in the same parts, so one is searched; parts with the same
 * bytes are searched once.
 */
export async function searchArchive(
  destination: Destination,
  states: readonly SealedState[],
  texts: ReadonlySet<string>,
  options: SearchOptions,
): Promise<SearchedSnapshot[]> {
  const known = new Map<string, readonly FoundPerson[]>();
  const search = async (object: ManifestObject) => {
    const name = `${object.format} ${object.dataset} ${object.sha256}`;
    const found = known.get(name) ?? (await searchPart(destination, object, texts, options));
    known.set(name, found);
    return found;
  };
  const searched: SearchedSnapshot[] = [];
  for (const state of states) {
    const found = new Map<string, readonly FoundPerson[]>();
    for (const parts of listAligned(state.documents.objects)) {
      const [first] = parts;
      const persons = first === undefined ? [] : await search(first);
      if (persons.length > 0) for (const { key } of parts) found.set(key, persons);
    }
    searched.push({ ...state, found });
  }
  return searched;
}

/** The parts that have the same rows in different formats, the fastest to search first. */
function listAligned(objects: readonly ManifestObject[]): ManifestObject[][] {
  return ARCHIVED_DATASETS.flatMap((dataset) => {
    if (!COLUMNS[dataset].some(({ name }) => name === 'username')) return [];
    const formats = FASTEST.map((format) =>
      objects
        .filter((object) => object.dataset === dataset && object.format === format)
        .toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    ).filter((parts) => parts.length > 0);
    const [first = []] = formats;
    const rows = (parts: readonly ManifestObject[]) => parts.map((part) => part.rows).join();
    const areAligned = formats.every((parts) => rows(parts) === rows(first));
    if (!areAligned) return formats.flat().map((part) => [part]);
    return first.map((_, index) => formats.flatMap((parts) => parts[index] ?? []));
  });
}

async function searchPart(
  destination: Destination,
  object: ManifestObject,
  texts: ReadonlySet<string>,
  { editors, folder, signal }: SearchOptions,
): Promise<readonly FoundPerson[]> {
  const editor = await editors.of(object.format);
  const copy = join(folder, 'searched');
  const local = destination.localPath(object.key);
  try {
    if (local !== null) await copySealed(destination, object, null, signal);
    else await copySealed(destination, object, copy, signal);
    return await editor.search({ path: local ?? copy, dataset: object.dataset }, texts, signal);
  } finally {
    await rm(copy, { force: true });
  }
}
