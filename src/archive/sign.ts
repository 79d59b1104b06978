import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Signer } from '../signature/signer.ts';
import { verifySignature } from '../signature/sshsig.ts';
import type { Destination } from './destination.ts';
import { archiveUrlError } from './errors.ts';
import { signatureKey } from './layout.ts';
import { describeFile, readWhole } from './read-object.ts';

/** A stored document that gets a signature beside it. */
export interface Document {
  readonly key: string;
  readonly bytes: Uint8Array;
}

export interface SignOptions {
  /** A private folder of this machine. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/**
 * Signs a document that an earlier run stored, unless it is signed. The run may have been killed
 * between the two.
 */
export async function signStored(
  destination: Destination,
  document: Document,
  signer: Signer,
  options: SignOptions,
): Promise<void> {
  if (await isSigned(destination, document, options.signal)) return;
  const signature = await signer.sign(document.bytes, options.signal);
  await storeSignature(destination, document, signature, options);
}

/** Stores a document's signature, unless it has a sound one, which may be by an earlier key. */
export async function storeSignature(
  destination: Destination,
  document: Document,
  signature: string,
  { folder, signal }: SignOptions,
): Promise<void> {
  const path = join(folder, 'signature');
  await writeFile(path, signature, { mode: 0o600 });
  const file = await describeFile(path, signal);
  if (await destination.create(signatureKey(document.key), file, signal)) return;
  await isSigned(destination, document, signal);
}

/**
 * Returns true if a sound signature is stored beside the document, and false if none is.
 *
 * @throws ActionRequiredError if an unsound one is, which is never replaced.
 */
async function isSigned(
  destination: Destination,
  { key, bytes }: Document,
  signal: AbortSignal,
): Promise<boolean> {
  const stored = await readWhole(destination, signatureKey(key), signal);
  // A run that was killed can leave an empty file in a folder without hard links.
  if (stored === null || stored.length === 0) return false;
  const verdict = verifySignature(bytes, stored);
  if (verdict.sound) return true;
  throw archiveUrlError(
    `${signatureKey(key)} is not a signature of ${key}: ${verdict.reason}.`,
    'Find out who changed one of the two. Restore it, or delete the signature if the manifest is right.',
  );
}
