import { fileURLToPath } from 'node:url';
import type { AwsAccess } from '../aws/access.ts';
import type { Encryption, StorageClass } from '../model/object-storage.ts';
import type { Destination } from './destination.ts';
import { archiveUrlError } from './errors.ts';
import { FolderDestination } from './folder-destination.ts';

interface DestinationOptions {
  /** The storage class of parts in S3. Default: the bucket's own. */
  readonly storageClass?: StorageClass | null;
  /** How S3 encrypts objects. Default: with the key, or by the bucket's own encryption. */
  readonly encryption?: Encryption | null;
  /** The KMS key that encrypts objects in S3. */
  readonly kmsKeyId?: string | null;
  /** How S3 is reached; the SDK's standard chain if absent. */
  readonly access?: AwsAccess;
}

/**
 * Opens the destination of a URL, `s3://bucket/prefix` or `file:///folder`, without any request.
 *
 * @throws ActionRequiredError
 */
export async function openDestination(
  url: string,
  options: DestinationOptions = {},
): Promise<Destination> {
  const folder = parseFolderUrl(url);
  if (folder !== null) return new FolderDestination(url, folder);
  const [, bucket, prefix] = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(url) ?? [];
  if (bucket === undefined) {
    throw archiveUrlError(
      'the URL of the destination is invalid.',
      'Set it to s3://bucket/prefix or file:///folder.',
    );
  }
  const { openS3Destination } = await import('./s3/s3-destination.ts');
  return openS3Destination(url, { bucket, prefix: prefix ?? '', ...options });
}

/** Returns the folder of a `file:` URL, or null for any other URL. */
function parseFolderUrl(url: string): string | null {
  try {
    return url.startsWith('file:') ? fileURLToPath(url) : null;
  } catch {
    return null;
  }
}
