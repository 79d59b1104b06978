import type { ReviewReceipt } from '../history/parse-receipt.ts';

/** A receipt of an access review, and the fingerprint of the key that signed it, if one did. */
export interface CheckedReceipt {
  readonly receipt: ReviewReceipt;
  readonly signedBy: string | null;
}

/**
 * Reads a receipt and checks its signature. Whose key signed it is for the caller to decide.
 *
 * @param signature the bytes of its `.sig` file; null if it has none
 * @returns the problem, a clause, if the receipt or the signature is wrong
 */
export async function checkReceipt(
  bytes: Buffer,
  signature: Buffer | null,
): Promise<CheckedReceipt | { readonly problem: string }> {
  const { parseReceipt } = await import('../history/parse-receipt.ts');
  const receipt = parseReceipt(bytes);
  if ('problem' in receipt) return receipt;
  if (signature === null) return { receipt, signedBy: null };
  const { RECEIPT_NAMESPACE, verifySignature } = await import('../signature/sshsig.ts');
  const verdict = verifySignature(bytes, signature, RECEIPT_NAMESPACE);
  return verdict.sound
    ? { receipt, signedBy: verdict.fingerprint }
    : { problem: `its signature is wrong: ${verdict.reason}` };
}
