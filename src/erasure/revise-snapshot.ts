import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatRevision } from '../archive/amendments.ts';
import { copySealed } from '../archive/copy-object.ts';
import type { Destination, ProtectedObject } from '../archive/destination.ts';
import type { PartEditors } from '../archive/erasure/part-editors.ts';
import { type Person, PersonFilter } from '../archive/erasure/persons.ts';
import { revisedPartKey, revisionKey, signatureKey } from '../archive/layout.ts';
import { lockArchive, type SnapshotLock } from '../archive/lock.ts';
import type { ManifestObject } from '../archive/manifest.ts';
import { lockAmendment, lockParts } from '../archive/object-lock.ts';
import { describeFile, readWhole } from '../archive/read-object.ts';
import { ActionRequiredError, ResumableError } from '../model/errors.ts';
import type { ArchiveLock } from '../model/object-lock.ts';
import { type ArchivedCounts, listStateDatasets } from '../model/snapshot.ts';
import type { Signer } from '../signature/signer.ts';
import type { SealedState, SearchedSnapshot } from './search-archive.ts';

export interface RevisionOptions {
  /** The program and its version, as `cognito-mirror/1.2.3`. */
  readonly program: string;
  /** The id of the mirror's database. */
  readonly owner: string;
  /** Signs the revisions. Null: they get no signatures. */
  readonly signer: Signer | null;
  /** How long the revisions are locked (S3 Object Lock). Null: they are not. */
  readonly lock: ArchiveLock | null;
  readonly editors: PartEditors;
  /** A private folder of this machine. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** A part that was replaced by one without the persons. */
export interface ReplacedPart {
  /** The key and SHA-256 of the part that had them. */
  readonly old: Pick<ManifestObject, 'key' | 'sha256'>;
  readonly new: Pick<ManifestObject, 'key' | 'sha256'>;
  /** Rows that were removed. */
  readonly rows: number;
}

/** What became of the archive of one snapshot. */
export interface RevisedSnapshot {
  readonly snapshot: string;
  /** The number of the revision. Null if the snapshot only had objects that an earlier run left. */
  readonly revision: number | null;
  readonly parts: readonly ReplacedPart[];
  /** What Object Lock keeps from being deleted. No document names it any more. */
  readonly locked: readonly ProtectedObject[];
}

/**
 * Removes persons from the archive of one snapshot. New parts are stored under new names; then a signed
 * revision names them, and only then the old ones are deleted, with all their versions. So the old
 * objects answer until the revision is there, and the new ones from then on. A lock lies beside the
 * archive meanwhile: a run that is killed leaves it, and `completeSnapshot` finishes the rest.
 *
 * @throws ActionRequiredError if another mirror writes the snapshot; ResumableError if another run may
 *   succeed.
 */
export async function reviseSnapshot(
  destination: Destination,
  poolId: string,
  searched: SearchedSnapshot,
  persons: readonly Person[],
  options: RevisionOptions,
): Promise<RevisedSnapshot> {
  const { snapshot } = searched.listed;
  const { owner, signal } = options;
  const folder = join(options.folder, snapshot);
  await mkdir(folder, { mode: 0o700 });
  try {
    const writing = await lockArchive(destination, { poolId, snapshot, owner, folder }, signal);
    const own = { ...options, folder };
    const { objects, named, keys } = searched.documents;
    // What a killed run stored may hold persons that are forgotten now.
    const isKnown = new Set([...keys, ...named]);
    await destination.delete(
      searched.keys.filter((key) => !isKnown.has(key)),
      signal,
    );
    const { parts, revised } = await rewriteParts(destination, searched, persons, own);
    const revision = nextRevision(searched);
    await storeRevision(destination, poolId, searched, revised, own);
    const after = { ...searched, documents: { ...searched.documents, objects: revised } };
    const locked = await finish(destination, poolId, { ...after, revision }, writing, {
      ...options,
      leftovers: [...named, ...objects.map(({ key }) => key)],
    });
    return { snapshot, revision, parts, locked };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Completes what an earlier run left: makes locks of a revision, and deletes objects and signatures that
 * no document names any more. Nothing else is touched.
 *
 * @returns null if there is nothing to do
 */
export async function completeSnapshot(
  destination: Destination,
  poolId: string,
  state: SealedState,
  options: RevisionOptions,
): Promise<RevisedSnapshot | null> {
  const { snapshot, revisions } = state.listed;
  const leftovers = listLeftovers(state);
  if (leftovers.length === 0 && !state.isBegun) return null;
  const folder = join(options.folder, snapshot);
  await mkdir(folder, { mode: 0o700 });
  try {
    const { owner, signal } = options;
    const writing = await lockArchive(destination, { poolId, snapshot, owner, folder }, signal);
    const revision = revisions.length === 0 ? null : Math.max(...revisions);
    const locked = await finish(destination, poolId, { ...state, revision }, writing, {
      ...options,
      leftovers,
    });
    return { snapshot, revision: null, parts: [], locked };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The objects of a snapshot that a revision replaced and, after a killed run, all that nothing names. */
export function listLeftovers({ documents, keys, isBegun }: SealedState): string[] {
  const current = new Set([...documents.keys, ...documents.objects.map(({ key }) => key)]);
  const replaced = new Set(documents.named);
  return keys.filter((key) => !current.has(key) && (isBegun || replaced.has(key)));
}

const nextRevision = ({ listed }: SealedState) => Math.max(0, ...listed.revisions) + 1;

interface Rewritten {
  readonly parts: ReplacedPart[];
  /** Every object of the snapshot from now on. */
  readonly revised: ManifestObject[];
}

async function rewriteParts(
  destination: Destination,
  searched: SearchedSnapshot,
  persons: readonly Person[],
  { editors, folder, signal }: RevisionOptions,
): Promise<Rewritten> {
  const filter = new PersonFilter(persons);
  const isWanted = ({ key }: ManifestObject) =>
    searched.found.get(key)?.some((each) => filter.isAbout(each));
  const parts: ReplacedPart[] = [];
  const revised: ManifestObject[] = [];
  for (const object of searched.documents.objects) {
    if (!isWanted(object)) {
      revised.push(object);
      continue;
    }
    const [path, to] = [join(folder, 'old'), join(folder, 'new')];
    await copySealed(destination, object, path, signal);
    const editor = await editors.of(object.format);
    const { dataset, format } = object;
    const erased = await editor.erase({ path, dataset }, filter, to, signal);
    const file = await describeFile(to, signal);
    const key = revisedPartKey(object.key, nextRevision(searched));
    await destination.put(key, file, signal);
    await Promise.all([rm(path), rm(to)]);
    const { bytes, sha256 } = file;
    const { rows, changes } = erased;
    revised.push({ key, format, dataset, rows, bytes, sha256, ...(changes && { changes }) });
    parts.push({
      old: { key: object.key, sha256: object.sha256 },
      new: { key, sha256 },
      rows: erased.removed,
    });
  }
  return { parts, revised };
}

/** The rows of each dataset after a revision. Every format must have the same. */
function countRows(
  snapshot: string,
  before: ArchivedCounts,
  objects: readonly ManifestObject[],
): ArchivedCounts {
  const counts = { ...before };
  for (const dataset of listStateDatasets(before)) {
    const totals = [...new Set(objects.map(({ format }) => format))].map((format) =>
      objects
        .filter((object) => object.format === format && object.dataset === dataset)
        .reduce((sum, { rows }) => sum + rows, 0),
    );
    const [first = 0] = totals;
    if (totals.some((total) => total !== first)) {
      throw ActionRequiredError.of(
        snapshot,
        `its formats hold different ${dataset}, so the revision was not written.`,
        'Run `cognito-mirror verify`, and restore the parts that are wrong.',
      );
    }
    counts[dataset] = first;
  }
  return counts;
}

/** Stores the signature first: a revision that is there is complete. */
async function storeRevision(
  destination: Destination,
  poolId: string,
  searched: SearchedSnapshot,
  objects: readonly ManifestObject[],
  { program, signer, folder, signal }: RevisionOptions,
): Promise<void> {
  const { documents } = searched;
  const { snapshot } = searched.listed;
  const revision = nextRevision(searched);
  const key = revisionKey(poolId, snapshot, revision);
  if (documents.newest === null || documents.counts === null) {
    throw new Error(`The snapshot ${snapshot} has no manifest.`);
  }
  const bytes = formatRevision({
    program,
    poolId,
    snapshot,
    revision,
    revisedAt: new Date().toISOString(),
    counts: countRows(snapshot, documents.counts, objects),
    objects,
    follows: documents.newest,
  });
  const path = join(folder, 'revision.json');
  if (signer !== null) {
    await writeFile(path, await signer.sign(bytes, signal), { mode: 0o600 });
    await destination.put(signatureKey(key), await describeFile(path, signal), signal);
  }
  await writeFile(path, bytes, { mode: 0o600 });
  if (await destination.create(key, await describeFile(path, signal), signal)) return;
  // It may be our own, from a request whose response was lost.
  if ((await readWhole(destination, key, signal))?.equals(bytes)) return;
  throw new ResumableError(
    `${destination.url}: another process stored ${key}. Run the command again.`,
  );
}

/** The steps after a revision is there. Each may be repeated. */
async function finish(
  destination: Destination,
  poolId: string,
  { listed, documents, revision }: SealedState & { readonly revision: number | null },
  writing: SnapshotLock,
  { lock, leftovers, signal }: RevisionOptions & { readonly leftovers: readonly string[] },
): Promise<readonly ProtectedObject[]> {
  const promised = documents.manifest?.lock;
  if (promised !== undefined) await lockParts(destination, documents.objects, promised, signal);
  if (lock !== null && revision !== null) {
    await lockAmendment(destination, revisionKey(poolId, listed.snapshot, revision), lock, signal);
  }
  const current = new Set(documents.objects.map(({ key }) => key));
  const stay = await destination.delete(
    leftovers.filter((key) => !current.has(key)),
    signal,
  );
  await writing.unlock();
  return stay;
}
