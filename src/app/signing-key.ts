import { formatSignerLine } from '../signature/allowed-signers.ts';
import { generateKey } from '../signature/key-file.ts';

/** A new key for signing manifests. */
export interface NewSigningKey {
  /** The text of its file in the format of OpenSSH. It is a secret. */
  readonly file: string;
  /** Its line for a file of OpenSSH's allowed signers. */
  readonly allowedSigner: string;
}

/** Makes an Ed25519 key for ARCHIVE_SIGNING_KEY. */
export function createSigningKey(): NewSigningKey {
  const { publicKey, file } = generateKey('cognito-mirror');
  return { file, allowedSigner: formatSignerLine(publicKey) };
}
