import type { Destination } from '../archive/destination.ts';
import { type SealedSnapshot, untrustedError } from '../archive/sealed-snapshot.ts';
import { mapParallel } from '../common/parallel.ts';
import { checkDocuments } from './check-documents.ts';
import { SignatureChecker } from './check-signature.ts';
import { listSnapshots } from './list-archive.ts';

/** Snapshots whose documents are read at the same time, so that a bucket's latency matters little. */
const PARALLEL = 8;

/**
 * Reads the manifests of a pool's archive, with their revisions and removals, and no part. A snapshot
 * without a manifest is left out.
 *
 * @returns the snapshots, oldest first
 * @throws ActionRequiredError if a document cannot be trusted; ResumableError if one cannot be read
 */
export async function readSealedSnapshots(
  destination: Destination,
  poolId: string,
  signal: AbortSignal,
): Promise<SealedSnapshot[]> {
  const signatures = new SignatureChecker(destination, null);
  const context = { destination, poolId, signatures, needsSignature: false, signal };
  const listed = await listSnapshots(destination, poolId, signal);
  const checked = await mapParallel(listed, PARALLEL, (each) => checkDocuments(context, each));
  let needsSignature = false;
  return checked.flatMap(
    ({ snapshot, manifest, manifestSha256, objects, isSigned, keys, findings }, index) => {
      const [finding] = findings;
      if (finding !== undefined) throw untrustedError(destination.url, finding.key, finding.detail);
      const { at, hasRemoval } = listed[index] as (typeof listed)[number];
      if (manifest === null || manifestSha256 === null) return [];
      // An archive is signed from its first signed manifest on.
      if (needsSignature && !isSigned) {
        const [key = ''] = keys;
        throw untrustedError(destination.url, key, `${key}.sig is missing.`);
      }
      needsSignature ||= isSigned;
      const { version, privacy = null } = manifest;
      const sealed = { snapshot, snapshotAt: at, sha256: manifestSha256, version, objects };
      return [{ ...sealed, privacy, isRemoved: hasRemoval }];
    },
  );
}
