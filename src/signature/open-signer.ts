import type { AwsAccess } from '../aws/access.ts';
import { loadKeyFile } from './key-file.ts';
import type { Signer } from './signer.ts';

const KMS = 'kms:';

/**
 * Opens the key that ARCHIVE_SIGNING_KEY names: the path of a file, or `kms:` and the ARN of a key.
 *
 * @throws ActionRequiredError if it cannot be used.
 */
export async function openSigner(
  key: string,
  access: AwsAccess,
  signal: AbortSignal,
): Promise<Signer> {
  if (!key.startsWith(KMS)) return loadKeyFile(key);
  const { openKmsSigner } = await import('./kms-signer.ts');
  return openKmsSigner(key.slice(KMS.length), access, signal);
}
