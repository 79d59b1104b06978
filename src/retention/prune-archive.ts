import { setMaxListeners } from 'node:events';
import { rm } from 'node:fs/promises';
import type { Destination, ProtectedObject } from '../archive/destination.ts';
import { locksPrefix } from '../archive/layout.ts';
import { makeWorkFolder } from '../common/folders.ts';
import { mapParallel } from '../common/parallel.ts';
import type { KeepRule } from '../config/keep-rule.ts';
import { ActionRequiredError, MirrorError, ResumableError } from '../model/errors.ts';
import { checkDocuments } from '../verify/check-documents.ts';
import { SignatureChecker } from '../verify/check-signature.ts';
import { type ListedSnapshot, listSnapshots } from '../verify/list-archive.ts';
import { chooseKept, type KeepReason } from './keep.ts';
import { type RemovalOptions, removeObjects } from './remove-objects.ts';

/** Snapshots whose objects are deleted at the same time, so that a bucket's latency matters little. */
const PARALLEL = 4;

export interface PruneOptions extends Omit<RemovalOptions, 'folder'> {
  readonly rule: KeepRule;
  /** True: nothing is written or deleted. */
  readonly dryRun: boolean;
  /** The parent of a private folder for small files. Created if missing. */
  readonly workFolder: string;
  /** Called after each snapshot that is not kept. */
  readonly onSnapshot?: ((snapshot: PrunedSnapshot) => void) | undefined;
}

/** What becomes of one snapshot of an archive, or would without `dryRun`. */
export interface PrunedSnapshot {
  /** Its id. */
  readonly snapshot: string;
  /**
   * `kept` by the rule; `removed`: its objects are deleted; `locked`: it stays as it is until its Object
   * Lock ends; `failed`: it stays as far as it was not deleted, and the next run tries again.
   */
  readonly outcome: 'kept' | 'removed' | 'locked' | 'failed';
  /** Why it is kept. Empty if it is not. */
  readonly keptBy: readonly KeepReason[];
  /** The objects of its manifest or newest revision, and their bytes; null if it is kept or failed. */
  readonly objects: number | null;
  readonly bytes: number | null;
  /** When the last of its locks ends. Null if it is not locked, by a legal hold alone, or it is unknown. */
  readonly lockedUntil: Date | null;
  /** Why it failed, with the remedy, or that a legal hold protects it. */
  readonly problem: string | null;
}

/** What became of the archive of one pool, or would without `dryRun`. */
export interface PoolPruning {
  readonly poolId: string;
  /** The archive. */
  readonly url: string;
  readonly dryRun: boolean;
  /** The rule that was applied. */
  readonly keep: KeepRule;
  /** The snapshots that earlier runs removed. They are not in the list. */
  readonly removedBefore: readonly string[];
  /** Oldest first. */
  readonly snapshots: readonly PrunedSnapshot[];
}

/**
 * Applies a rule to the archive of one pool: deletes the objects of every sealed snapshot that it does
 * not keep, and completes what an earlier run began. Manifests and the documents beside them stay. It
 * lists documents and locks, and reads only those of snapshots that are due. The newest snapshot is
 * never due.
 *
 * @throws ActionRequiredError if manifests are signed, and no key could sign a removal.
 * @throws ResumableError if the archive cannot be listed, and the signal's reason.
 */
export async function pruneArchive(
  destination: Destination,
  poolId: string,
  options: PruneOptions,
): Promise<PoolPruning> {
  const { rule, dryRun, signal } = options;
  // Many calls listen to one signal: this silences Node's warning about a leak.
  setMaxListeners(0, signal);
  const documents = await listSnapshots(destination, poolId, signal);
  const sealed = documents.filter(({ hasManifest }) => hasManifest);
  const kept = chooseKept(
    sealed.filter(({ hasRemoval }) => !hasRemoval),
    rule,
  );
  const begun = await listBegun(destination, poolId, sealed, signal);
  const done = sealed.filter(({ snapshot, hasRemoval }) => hasRemoval && !begun.has(snapshot));
  const due = sealed.filter(({ snapshot, hasRemoval }) =>
    hasRemoval ? begun.has(snapshot) : !kept.has(snapshot),
  );
  const removed = await removeAll(destination, poolId, { sealed, due }, options);
  const snapshots = [
    ...removed,
    ...[...kept].map(([snapshot, keptBy]) => ({ ...UNTOUCHED, snapshot, keptBy })),
  ];
  return {
    poolId,
    url: destination.url,
    dryRun,
    keep: rule,
    removedBefore: done.map(({ snapshot }) => snapshot),
    snapshots: snapshots.toSorted((a, b) => (a.snapshot < b.snapshot ? -1 : 1)),
  };
}

const UNTOUCHED: Omit<PrunedSnapshot, 'snapshot'> = {
  outcome: 'kept',
  keptBy: [],
  objects: null,
  bytes: null,
  lockedUntil: null,
  problem: null,
};

/** The snapshots with a removal whose lock shows that not all of their objects were deleted. */
async function listBegun(
  destination: Destination,
  poolId: string,
  sealed: readonly ListedSnapshot[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  if (!sealed.some(({ hasRemoval }) => hasRemoval)) return new Set();
  const begun = new Set<string>();
  const prefix = locksPrefix(poolId);
  for await (const { key } of destination.list(prefix, signal)) {
    begun.add(key.slice(prefix.length, -'.json'.length));
  }
  return begun;
}

/** Removes the snapshots that are due. After a failure that may pass, it tries no other. */
async function removeAll(
  destination: Destination,
  poolId: string,
  { sealed, due }: { sealed: readonly ListedSnapshot[]; due: readonly ListedSnapshot[] },
  options: PruneOptions,
): Promise<PrunedSnapshot[]> {
  if (due.length === 0) return [];
  const firstSigned = sealed.find(({ isSigned }) => isSigned);
  if (firstSigned !== undefined && options.signer === null) throw unsignedError(poolId);
  const { dryRun, signal, onSnapshot } = options;
  const folder = dryRun ? '' : await makeWorkFolder(options.workFolder);
  let stopped = false;
  try {
    return await mapParallel(due, PARALLEL, async (listed) => {
      const needsSignature = firstSigned !== undefined && firstSigned.at <= listed.at;
      const removal = { destination, poolId, needsSignature, folder, ...options };
      let pruned: PrunedSnapshot = { ...failed(listed, NOT_TRIED) };
      try {
        if (!stopped) pruned = await removeOne(removal, listed);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof MirrorError)) throw error;
        stopped ||= error instanceof ResumableError;
        pruned = failed(listed, error.message);
      }
      onSnapshot?.(pruned);
      return pruned;
    });
  } finally {
    if (folder !== '') await rm(folder, { recursive: true, force: true });
  }
}

const NOT_TRIED = 'It was not tried, because another one failed.';

function failed({ snapshot }: ListedSnapshot, problem: string): PrunedSnapshot {
  return { ...UNTOUCHED, snapshot, outcome: 'failed', problem };
}

interface OneRemoval extends PruneOptions {
  readonly destination: Destination;
  readonly poolId: string;
  readonly needsSignature: boolean;
  readonly folder: string;
}

async function removeOne(removal: OneRemoval, listed: ListedSnapshot): Promise<PrunedSnapshot> {
  const { destination, poolId, needsSignature, dryRun, signal } = removal;
  const { snapshot } = listed;
  const signatures = new SignatureChecker(destination, null);
  // A removal is compared when it is written.
  const { manifest, objects, named, newest, findings } = await checkDocuments(
    { destination, poolId, signatures, needsSignature, signal },
    { ...listed, hasRemoval: false },
  );
  const [finding] = findings;
  if (finding !== undefined || newest === null) {
    const what = `${finding?.key ?? snapshot} is not as it was sealed. ${finding?.detail ?? ''}`;
    return failed(listed, `${what} Run \`cognito-mirror verify\`, and restore what it names.`);
  }
  const bytes = objects.reduce((sum, object) => sum + object.bytes, 0);
  const found = { ...UNTOUCHED, snapshot, objects: objects.length, bytes };
  const promised = manifest?.lock === undefined ? null : new Date(manifest.lock.partsUntil);
  // Whether or not the lock was made: the run that sealed it may have been killed before.
  if (promised !== null && promised > new Date()) {
    return { ...found, outcome: 'locked', lockedUntil: promised };
  }
  const locked = await destination.findProtected(named, signal);
  if (locked.length > 0) return { ...found, ...describeLocks(locked) };
  if (dryRun) return { ...found, outcome: 'removed' };
  const request = { poolId, snapshot, objects: named, follows: newest };
  const stay = await removeObjects(destination, request, removal);
  return stay.length > 0 ? { ...found, ...describeLocks(stay) } : { ...found, outcome: 'removed' };
}

/** Until when a snapshot stays of which these objects are protected. */
function describeLocks(
  objects: readonly ProtectedObject[],
): Pick<PrunedSnapshot, 'outcome' | 'lockedUntil' | 'problem'> {
  const times = objects.flatMap(({ until }) => until?.getTime() ?? []);
  const isHeld = objects.some((each) => each.isHeld);
  return {
    outcome: 'locked',
    lockedUntil: times.length > 0 ? new Date(Math.max(...times)) : null,
    problem: isHeld ? 'A legal hold protects it until a person lifts the hold.' : null,
  };
}

function unsignedError(poolId: string): ActionRequiredError {
  return ActionRequiredError.of(
    'ARCHIVE_SIGNING_KEY',
    `it is not set, and the manifests of ${poolId} are signed. An unsigned removal would explain nothing to \`verify\`.`,
    'Set it to the key that signs the manifests.',
  );
}
