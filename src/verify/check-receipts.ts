import { z } from 'zod';
import { OversizeError } from '../archive/errors.ts';
import { parseReceiptKey, receiptKey, signatureKey } from '../archive/layout.ts';
import { COMMON, parseDocument, SHA256, TIME } from '../archive/manifest.ts';
import { readWhole } from '../archive/read-object.ts';
import type { SignatureChecker } from './check-signature.ts';
import type { Finding } from './findings.ts';
import type { ListedPool } from './list-archive.ts';

const PART = z.object({ key: z.string(), sha256: SHA256 });

/** The receipt of an erasure, as far as this program reads it. */
export const RECEIPT = z.object({
  version: COMMON.version,
  kind: z.literal('erasure'),
  poolId: z.string(),
  id: z.string(),
  erasedAt: TIME,
  persons: z.array(z.string().nullable()),
  suppress: z.boolean(),
  archive: z.array(
    z.object({
      snapshot: z.string(),
      revision: z.number(),
      parts: z.array(z.object({ old: PART, new: PART, rows: z.number() })),
    }),
  ),
});

/** What the check of a pool's receipts found. */
export interface CheckedReceipts {
  readonly findings: readonly Finding[];
  /** Receipts and their signatures. */
  readonly keys: ReadonlySet<string>;
}

/**
 * Checks the receipts of erasures: that each can be read, is about this pool, and is signed.
 *
 * @param needsSignature true if the archive has a signed manifest.
 */
export async function checkReceipts(
  { destination, poolId, listing, signal }: ListedPool,
  signatures: SignatureChecker,
  needsSignature: boolean,
): Promise<CheckedReceipts> {
  const listed = [...listing.sizes.keys()].flatMap((key) => parseReceiptKey(poolId, key) ?? []);
  const findings: Finding[] = [];
  const keys = new Set<string>();
  for (const id of new Set(listed)) {
    const key = receiptKey(poolId, id);
    const add = (code: Finding['code'], detail: string) =>
      findings.push({ code, key, snapshot: null, detail });
    keys.add(key).add(signatureKey(key));
    const bytes = await readWhole(destination, key, signal).catch((error: unknown) => {
      if (error instanceof OversizeError) return Buffer.of();
      throw error;
    });
    if (bytes === null) {
      // A run that was killed between the two left the signature, which the next one replaces.
      continue;
    }
    const receipt = parseDocument(bytes, RECEIPT);
    const isOwn = !('problem' in receipt) && receipt.poolId === poolId && receipt.id === id;
    if ('problem' in receipt) add('altered', `It cannot be read: ${receipt.problem}.`);
    else if (!isOwn) add('altered', `It is the receipt ${receipt.poolId}/${receipt.id}.`);
    const at = isOwn ? new Date(receipt.erasedAt) : null;
    const signature = await signatures.check({ key, bytes, at }, signal);
    if (signature.state === 'wrong') add(signature.code, `Its signature: ${signature.detail}`);
    if (signature.state === 'unsigned' && needsSignature) {
      add('unsigned', `${signatureKey(key)} is missing.`);
    }
  }
  return { findings, keys };
}
