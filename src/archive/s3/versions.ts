import {
  type DeleteMarkerEntry,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  type ObjectVersion,
} from '@aws-sdk/client-s3';
import type { StoredVersion } from '../destination.ts';
import type { Bucket } from './bucket.ts';

/** Lists versions and delete markers under a prefix, by their full keys. */
export async function* listVersions(
  { client, name: Bucket }: Bucket,
  Prefix: string,
  options: { abortSignal: AbortSignal },
): AsyncGenerator<StoredVersion> {
  let next: Marker | null = {};
  while (next !== null) {
    const command: ListObjectVersionsCommand = new ListObjectVersionsCommand({
      Bucket,
      Prefix,
      ...next,
    });
    const page = await client.send(command, options);
    for (const entry of page.Versions ?? []) yield toVersion(entry, entry.Size ?? 0);
    for (const entry of page.DeleteMarkers ?? []) yield toVersion(entry, null);
    next = findNext(page);
  }
}

/** The end of a page. */
interface Marker {
  readonly KeyMarker?: string;
  readonly VersionIdMarker?: string;
}

function findNext(page: ListObjectVersionsCommandOutput): Marker | null {
  const { IsTruncated, NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page;
  if (!IsTruncated || KeyMarker === undefined) return null;
  return { KeyMarker, ...(VersionIdMarker !== undefined && { VersionIdMarker }) };
}

function toVersion(
  { Key = '', VersionId = '', IsLatest = false, LastModified }: ObjectVersion | DeleteMarkerEntry,
  bytes: number | null,
): StoredVersion {
  return {
    key: Key,
    versionId: VersionId,
    isLatest: IsLatest,
    bytes,
    storedAt: LastModified ?? null,
  };
}
