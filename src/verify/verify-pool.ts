import type { Destination } from '../archive/destination.ts';
import { manifestKey } from '../archive/layout.ts';
import { type ManifestObject, NEWEST_VERSION } from '../archive/manifest.ts';
import { isStored } from '../archive/read-object.ts';
import { mapParallel } from '../common/parallel.ts';
import type { AllowedSigners } from '../signature/allowed-signers.ts';
import {
  type ContentCheck,
  checkCsv,
  checkJsonLines,
  type ParquetChecks,
} from './check-content.ts';
import type { SnapshotDocuments } from './check-documents.ts';
import { LockChecker, type PromisedLock, promisedLocks } from './check-locks.ts';
import { compareBytes, MISSING, type ObjectProblem, readObject } from './check-object.ts';
import { checkReceipts } from './check-receipts.ts';
import { SignatureChecker } from './check-signature.ts';
import { checkSnapshots } from './check-snapshots.ts';
import { VersionFinder } from './check-versions.ts';
import { dropRemoved } from './drop-removed.ts';
import { findExtras } from './find-extras.ts';
import type { Finding, PoolVerification } from './findings.ts';
import { findLostHead, readHead } from './head.ts';
import { type ListedPool, listPool } from './list-archive.ts';
import { isRead, type Selection } from './select.ts';

/** So that a bucket's latency matters little. */
const PARALLEL = 4;

export interface VerifyOptions extends Selection {
  /** The keys that may sign. Null: any key may, but signatures must be sound. */
  readonly signers: AllowedSigners | null;
  /**
   * True if every document must be signed; false: those from the first signed one on. Default: true
   * with signers.
   */
  readonly needsSignatures?: boolean;
  /** The SHA-256 of a manifest that the archive must have. */
  readonly head: string | null;
  /** Checks Parquet parts; null if DuckDB is not installed. */
  readonly parquet: ParquetChecks | null;
  /** How many objects are read at the same time: 4 by default. */
  readonly parallel?: number;
  /** Called after each object. */
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
  readonly signal: AbortSignal;
}

/** How far the check of a pool is. */
export interface VerifyProgress {
  readonly poolId: string;
  /** Objects that were checked, of all. */
  readonly done: number;
  readonly total: number;
}

/**
 * Verifies the archive of one pool. It only reads.
 *
 * @throws ResumableError if the archive cannot be read, ActionRequiredError if a person must change
 *   something first.
 */
export async function verifyPool(
  destination: Destination,
  poolId: string,
  options: VerifyOptions,
): Promise<PoolVerification> {
  const { signal, parallel = PARALLEL } = options;
  const listing = await listPool(destination, poolId, signal);
  const signatures = new SignatureChecker(destination, options.signers);
  const versions = new VersionFinder(destination, signal);
  const locks = new LockChecker(destination, signal);
  const context = { ...options, destination, poolId, listing, versions };
  const checked = await checkSnapshots(context, signatures);
  const expected = checked.flatMap(({ snapshot, manifest, objects }) =>
    objects.map((object) => ({ snapshot, version: manifest?.version ?? NEWEST_VERSION, object })),
  );
  let done = 0;
  const problems = await mapParallel(expected, parallel, async ({ snapshot, version, object }) => {
    const found = await checkObject(context, object, version);
    const problem = found && (await versions.explain(object, found));
    done += 1;
    options.onProgress?.({ poolId, done, total: expected.length });
    if (problem === null) return [];
    return [{ code: problem.code, key: object.key, snapshot, detail: problem.detail }];
  });
  const unlocked = await mapParallel(
    findPromises(context, checked),
    PARALLEL,
    async ({ snapshot, key, promise }) => {
      const problem = await locks.check(key, promise);
      return problem === null ? [] : [{ ...problem, key, snapshot }];
    },
  );
  const head = await readHead(context);
  const isSigned = options.needsSignatures ?? options.signers !== null;
  const receipts = await checkReceipts(
    context,
    signatures,
    isSigned || checked.some((each) => each.isSigned),
  );
  const findings: Finding[] = [
    ...checked.flatMap((each) => each.findings),
    ...(await dropRemoved(context, problems.flat())),
    ...unlocked.flat(),
    ...(await versions.findHidden(context)),
    ...receipts.findings,
    ...(await findExtras(context, checked, receipts.keys)),
    ...(await findLostHead(context, checked)),
  ];
  const sealed = checked.filter(({ manifestSha256 }) => manifestSha256 !== null);
  const [first, last] = [sealed[0], sealed.at(-1)];
  return {
    poolId,
    url: destination.url,
    snapshots: sealed.length,
    removedSnapshots: sealed.filter(({ removed }) => removed !== null).length,
    range: first && last ? { from: first.snapshot, to: last.snapshot } : null,
    objects: expected.length,
    objectsRead: expected.filter(({ object }) => isRead(object.key, options.content)).length,
    bytes: expected.reduce((sum, { object }) => sum + (listing.sizes.get(object.key) ?? 0), 0),
    head,
    documents: checked.reduce((sum, each) => sum + each.documents, 0),
    keys: signatures.keys,
    locks: locks.summary,
    unseenVersions: versions.isDenied,
    unreadParquet: countUnread(expected, options),
    findings: sortFindings(dropRepeated(findings)),
  };
}

interface PoolContext extends VerifyOptions, ListedPool {
  readonly versions: VersionFinder;
}

/** The locks that must last now, by key. */
function findPromises(
  { poolId, listing }: PoolContext,
  checked: readonly SnapshotDocuments[],
): PromisedObject[] {
  const now = new Date();
  return checked.flatMap(({ snapshot, manifest, objects }) => {
    if (manifest === null) return [];
    const current = { ...manifest, objects };
    const promised = promisedLocks(manifestKey(poolId, snapshot), current, now);
    const found = [...promised].filter(([key]) => listing.sizes.has(key));
    return found.map(([key, promise]) => ({ snapshot, key, promise }));
  });
}

interface PromisedObject {
  readonly snapshot: string;
  readonly key: string;
  readonly promise: PromisedLock;
}

/** Checks one object, as far as the selection wants it. */
async function checkObject(
  { destination, listing, content, parquet, signal }: PoolContext,
  object: ManifestObject,
  version: number,
): Promise<ObjectProblem | null> {
  if (isRead(object.key, content)) {
    const openCheck = async (each: ManifestObject): Promise<ContentCheck | null> => {
      switch (each.format) {
        case 'jsonl':
          return checkJsonLines(each, version);
        case 'csv':
          return checkCsv(each, version);
        case 'parquet':
          return (await parquet?.check(each, version)) ?? null;
      }
    };
    return readObject(destination, object, openCheck, signal);
  }
  const listed = listing.sizes.get(object.key);
  // The listing cannot know what was stored after it.
  const found =
    listed === undefined || content === 'structure'
      ? await destination.head(object.key, signal)
      : { bytes: listed, sha256: null };
  if (found === null) return MISSING;
  const problem = compareBytes(object, { bytes: found.bytes });
  if (problem !== null || found.sha256 === null || found.sha256 === object.sha256) return problem;
  // Some servers show a hash of another form: the bytes decide.
  const isRight = await isStored(destination, object, signal);
  return isRight ? null : compareBytes(object, { ...found, sha256: found.sha256 });
}

function countUnread(
  expected: readonly { readonly object: ManifestObject }[],
  { content, parquet }: VerifyOptions,
): number {
  if (parquet !== null) return 0;
  const isUnread = ({ format, key }: ManifestObject) =>
    format === 'parquet' && isRead(key, content);
  return expected.filter(({ object }) => isUnread(object)).length;
}

/** A manifest that was replaced is named once, however it was found. */
function dropRepeated(findings: readonly Finding[]): Finding[] {
  const replaced = findings.filter(({ code }) => code === 'replaced-version');
  const first = new Map(replaced.toReversed().map((finding) => [finding.key, finding]));
  return findings.filter(
    (finding) => finding.code !== 'replaced-version' || first.get(finding.key) === finding,
  );
}

/** By snapshot, then by key; those about no snapshot last. */
function sortFindings(findings: readonly Finding[]): Finding[] {
  const order = ({ snapshot, key }: Finding) => `${snapshot ?? '~'} ${key}`;
  return findings.toSorted((a, b) => (order(a) < order(b) ? -1 : 1));
}
