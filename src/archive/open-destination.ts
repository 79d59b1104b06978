import { fileURLToPath } from 'node:url';
import { ActionRequiredError } from '../model/errors.ts';
import type { Destination } from './destination.ts';
import { FolderDestination } from './folder-destination.ts';

export interface DestinationOptions {
  /** The KMS key that encrypts objects in S3; the bucket's own encryption by default. */
  readonly kmsKeyId?: string;
}

/**
 * The destination that a URL names, `s3://bucket/prefix` or `file:///folder`; nothing is asked of it
 * yet. Credentials, Region and endpoint of S3 come from the SDK's own standard variables.
 * Throws `ConfigurationError`.
 */
export async function openDestination(
  url: string,
  options: DestinationOptions = {},
): Promise<Destination> {
  const folder = folderOf(url);
  if (folder !== null) return new FolderDestination(url, folder);
  const [, bucket, prefix] = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(url) ?? [];
  if (bucket === undefined) {
    throw new ActionRequiredError([
      {
        subject: 'ARCHIVE_URL',
        problem: 'it names no destination.',
        remedy: 'Set it to s3://bucket/prefix or file:///folder.',
      },
    ]);
  }
  const { openS3Destination } = await import('./s3/s3-destination.ts');
  return openS3Destination(url, { bucket, prefix: prefix ?? '', ...options });
}

/** The folder that a `file:` URL of this machine names, or null. */
function folderOf(url: string): string | null {
  try {
    return url.startsWith('file:') ? fileURLToPath(url) : null;
  } catch {
    return null;
  }
}
