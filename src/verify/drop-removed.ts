import { removalKey } from '../archive/layout.ts';
import type { AllowedSigners } from '../signature/allowed-signers.ts';
import { checkDocuments } from './check-documents.ts';
import { SignatureChecker } from './check-signature.ts';
import type { Finding } from './findings.ts';
import type { ListedPool } from './list-archive.ts';

/** Leaves out missing objects that retention removed since the listing, as the removal says. */
export async function dropRemoved(
  {
    destination,
    poolId,
    listing,
    signers,
    signal,
  }: ListedPool & { readonly signers: AllowedSigners | null },
  findings: readonly Finding[],
): Promise<Finding[]> {
  const removed = new Set<string>();
  const signatures = new SignatureChecker(destination, signers);
  for (const listed of listing.snapshots) {
    const { snapshot, hasRemoval } = listed;
    if (hasRemoval) continue;
    if (!findings.some((each) => each.code === 'missing' && each.snapshot === snapshot)) continue;
    if ((await destination.head(removalKey(poolId, snapshot), signal)) === null) continue;
    const needsSignature = signers !== null || listing.snapshots.some((each) => each.isSigned);
    const context = { destination, poolId, signatures, needsSignature, signal };
    const documents = await checkDocuments(context, { ...listed, hasRemoval: true });
    for (const key of documents.removed ?? []) removed.add(key);
  }
  return findings.filter(({ code, key }) => code !== 'missing' || !removed.has(key));
}
