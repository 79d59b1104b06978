import type { PublicKey } from './public-key.ts';
import { encodeString } from './ssh-wire.ts';
import { encodeEcdsa, encodeSigned, formatSignature, NAMESPACE } from './sshsig.ts';

/** Signs documents with one key. */
export interface Signer {
  readonly publicKey: PublicKey;
  /**
   * Returns the text of the `.sig` file for a file with these bytes.
   *
   * @param namespace what the signature is for; by default a manifest
   * @throws ActionRequiredError if a person must give access to the key; ResumableError if another
   *   attempt may succeed.
   */
  sign(message: Uint8Array, signal: AbortSignal, namespace?: string): Promise<string>;
}

/**
 * Makes a signer.
 *
 * @param signBytes signs a few bytes: returns the 64 bytes of Ed25519, or a signature by P-256 with
 *   SHA-256 in DER.
 */
export function createSigner(
  publicKey: PublicKey,
  signBytes: (bytes: Buffer, signal: AbortSignal) => Promise<Buffer>,
): Signer {
  return {
    publicKey,
    async sign(message, signal, namespace = NAMESPACE) {
      const raw = await signBytes(encodeSigned(message, namespace), signal);
      const value = publicKey.type === 'ssh-ed25519' ? raw : encodeEcdsa(raw);
      const signature = Buffer.concat([encodeString(publicKey.type), encodeString(value)]);
      return formatSignature({ publicKey, namespace, signature });
    },
  };
}
