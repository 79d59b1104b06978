import type { Config } from '../config/config.ts';
import type { VerificationSettings } from '../runner/worker/deps.ts';
import { formatSignerLine, parseAllowedSigners } from '../signature/allowed-signers.ts';
import { loadAllowedSigners } from '../signature/load-signers.ts';
import type { Signer } from '../signature/signer.ts';

/**
 * How workers verify archives; null if they do not. Without a file of signers, the key that signs
 * now must have made every signature, as long as there are any.
 *
 * @throws ActionRequiredError if the file of signers is wrong.
 */
export async function openVerification(
  { verifySubsets: subsets, archiveSigners }: Config,
  signer: Signer | null,
): Promise<VerificationSettings | null> {
  if (subsets === null) return null;
  if (archiveSigners !== null) {
    const signers = await loadAllowedSigners(archiveSigners, 'ARCHIVE_SIGNERS');
    return { subsets, signers, needsSignatures: true };
  }
  const signers = signer && parseAllowedSigners(formatSignerLine(signer.publicKey));
  return { subsets, signers, needsSignatures: false };
}
