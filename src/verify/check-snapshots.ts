import { locksPrefix, manifestKey, manifestsPrefix } from '../archive/layout.ts';
import type { ManifestLink } from '../archive/manifest.ts';
import type { AllowedSigners } from '../signature/allowed-signers.ts';
import { checkLink } from './check-chain.ts';
import { checkChanges } from './check-changes.ts';
import { checkDocuments, type SnapshotDocuments } from './check-documents.ts';
import type { SignatureChecker } from './check-signature.ts';
import type { VersionFinder } from './check-versions.ts';
import type { Finding } from './findings.ts';
import { hashManifest, type ListedPool, type ListedSnapshot } from './list-archive.ts';
import { isInRange, type Selection } from './select.ts';

interface SnapshotsContext extends ListedPool, Pick<Selection, 'from' | 'to'> {
  readonly signers: AllowedSigners | null;
  /** By default true with signers. */
  readonly needsSignatures?: boolean;
  readonly versions: VersionFinder;
}

/** Checks the documents of each snapshot in the range, and that each manifest follows the last. */
export async function checkSnapshots(
  context: SnapshotsContext,
  signatures: SignatureChecker,
): Promise<SnapshotDocuments[]> {
  const { destination, poolId, listing, signers, signal } = context;
  const inRange = listing.snapshots.filter(({ at }) => isInRange(at, context));
  const manifests = listing.snapshots.filter(({ hasManifest }) => hasManifest);
  const checked: SnapshotDocuments[] = [];
  let { needsSignatures: needsSignature = signers !== null } = context;
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
async function hasLock({ destination, poolId, signal }: SnapshotsContext): Promise<boolean> {
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
    named: [],
    removed: null,
    newest: null,
    keys: [],
    documents: 0,
    findings: [{ code: 'missing', key, snapshot: null, detail }],
  };
}

async function checkChain(
  { destination, poolId, from, versions, signal }: SnapshotsContext,
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
  if (finding === null) return [];
  return [await explainLink(versions, poolId, manifest.previous, finding)];
}

/** Explains a broken link by a manifest that was put over the one that was followed, if so. */
async function explainLink(
  versions: VersionFinder,
  poolId: string,
  previous: ManifestLink | null,
  finding: Finding,
): Promise<Finding> {
  if (previous === null) return finding;
  const { snapshot, sha256 } = previous;
  const key = manifestKey(poolId, snapshot);
  const replaced = await versions.findReplaced({ key, sha256 });
  return replaced === null ? finding : { ...replaced, key, snapshot };
}
