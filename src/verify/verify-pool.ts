import { type Destination, isStored } from '../archive/destination.ts';
import { locksPrefix, manifestsPrefix } from '../archive/layout.ts';
import type { ManifestObject } from '../archive/manifest.ts';
import { mapParallel } from '../common/parallel.ts';
import type { AllowedSigners } from '../signature/allowed-signers.ts';
import { checkLink } from './check-chain.ts';
import { checkChanges } from './check-changes.ts';
import { type ContentCheck, checkJsonLines, type ParquetChecks } from './check-content.ts';
import { checkDocuments, type SnapshotDocuments } from './check-documents.ts';
import { compareBytes, MISSING, type ObjectProblem, readObject } from './check-object.ts';
import { SignatureChecker } from './check-signature.ts';
import { findExtras } from './find-extras.ts';
import type { Finding, PoolVerification } from './findings.ts';
import { findLostHead, readHead } from './head.ts';
import { hashManifest, type ListedPool, type ListedSnapshot, listPool } from './list-archive.ts';
import { isInRange, isRead, type Selection } from './select.ts';

/** Objects that are read at the same time, so that a bucket's latency matters little. */
const PARALLEL = 4;

export interface VerifyOptions extends Selection {
  /** The keys that may sign. Null: any key may, but signatures must be sound. */
  readonly signers: AllowedSigners | null;
  /** The SHA-256 of a manifest that the archive must have. */
  readonly head: string | null;
  /** Checks Parquet parts; null if DuckDB is not installed. */
  readonly parquet: ParquetChecks | null;
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
  const { signal } = options;
  const listing = await listPool(destination, poolId, signal);
  const signatures = new SignatureChecker(destination, options.signers);
  const context = { ...options, destination, poolId, listing };
  const checked = await checkSnapshots(context, signatures);
  const expected = checked.flatMap(({ snapshot, objects }) =>
    objects.map((object) => ({ snapshot, object })),
  );
  let done = 0;
  const problems = await mapParallel(expected, PARALLEL, async ({ snapshot, object }) => {
    const problem = await checkObject(context, object);
    done += 1;
    options.onProgress?.({ poolId, done, total: expected.length });
    if (problem === null) return [];
    return [{ code: problem.code, key: object.key, snapshot, detail: problem.detail }];
  });
  const head = await readHead(context);
  const findings: Finding[] = [
    ...checked.flatMap((each) => each.findings),
    ...problems.flat(),
    ...(await findExtras(context, checked)),
    ...(await findLostHead(context, checked)),
  ];
  const sealed = checked.filter(({ manifestSha256 }) => manifestSha256 !== null);
  const [first, last] = [sealed[0], sealed.at(-1)];
  return {
    poolId,
    url: destination.url,
    snapshots: sealed.length,
    range: first && last ? { from: first.snapshot, to: last.snapshot } : null,
    objects: expected.length,
    objectsRead: expected.filter(({ object }) => isRead(object.key, options.content)).length,
    bytes: expected.reduce((sum, { object }) => sum + (listing.sizes.get(object.key) ?? 0), 0),
    head,
    documents: checked.reduce((sum, each) => sum + each.documents, 0),
    keys: signatures.keys,
    unreadParquet: countUnread(expected, options),
    findings: sortFindings(findings),
  };
}

interface PoolContext extends VerifyOptions, ListedPool {}

/** Checks the documents of each snapshot in the range, and that each manifest follows the last. */
async function checkSnapshots(
  context: PoolContext,
  signatures: SignatureChecker,
): Promise<SnapshotDocuments[]> {
  const { destination, poolId, listing, signers, signal } = context;
  const inRange = listing.snapshots.filter(({ at }) => isInRange(at, context));
  const manifests = listing.snapshots.filter(({ hasManifest }) => hasManifest);
  const checked: SnapshotDocuments[] = [];
  let needsSignature = signers !== null;
  if (manifests.length === 0 && inRange.length === 0) {
    return (await hasLock(context)) ? [] : [noManifests(poolId)];
  }
  for (const listed of inRange) {
    const options = { destination, poolId, signatures, needsSignature, signal };
    const documents = await checkDocuments(options, listed);
    needsSignature ||= documents.isSigned;
    const link = await checkChain(context, manifests, listed, documents, checked);
    const changes = checkChanges(poolId, documents, checked);
    checked.push({ ...documents, findings: [...documents.findings, ...link, ...changes] });
  }
  return checked;
}

/** True if a mirror archives a snapshot of the pool now, which may be the first. */
async function hasLock({ destination, poolId, signal }: PoolContext): Promise<boolean> {
  for await (const _ of destination.list(locksPrefix(poolId), signal)) return true;
  return false;
}

/** What stands for the snapshots of a pool that has none. */
function noManifests(poolId: string): SnapshotDocuments {
  const key = manifestsPrefix(poolId);
  const detail = 'The archive has no manifest of this pool.';
  return {
    snapshot: '',
    manifestSha256: null,
    manifest: null,
    isSigned: false,
    counts: null,
    changes: null,
    objects: [],
    keys: [],
    documents: 0,
    findings: [{ code: 'missing', key, snapshot: null, detail }],
  };
}

async function checkChain(
  { destination, poolId, from, signal }: PoolContext,
  manifests: readonly ListedSnapshot[],
  { snapshot, at }: ListedSnapshot,
  { manifest }: SnapshotDocuments,
  checked: readonly SnapshotDocuments[],
): Promise<Finding[]> {
  if (manifest === null) return [];
  const earlier = manifests.filter((each) => each.at < at).map((each) => each.snapshot);
  const before = earlier.at(-1);
  const known = checked.find((each) => each.snapshot === before)?.manifestSha256;
  const previousSha256 =
    known ??
    (before === undefined ? null : await hashManifest({ destination, poolId, signal }, before));
  const startsRange = from !== null && checked.length === 0;
  const link = { poolId, snapshot, manifest, earlier, previousSha256, startsRange };
  const finding = checkLink(link);
  return finding === null ? [] : [finding];
}

/** Checks one object, as far as the selection wants it. */
async function checkObject(
  { destination, listing, content, parquet, signal }: PoolContext,
  object: ManifestObject,
): Promise<ObjectProblem | null> {
  if (isRead(object.key, content)) {
    const openCheck = async (each: ManifestObject): Promise<ContentCheck | null> =>
      each.format === 'jsonl' ? checkJsonLines(each) : ((await parquet?.check(each)) ?? null);
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

/** By snapshot, then by key; those about no snapshot last. */
function sortFindings(findings: readonly Finding[]): Finding[] {
  const order = ({ snapshot, key }: Finding) => `${snapshot ?? '~'} ${key}`;
  return findings.toSorted((a, b) => (order(a) < order(b) ? -1 : 1));
}
