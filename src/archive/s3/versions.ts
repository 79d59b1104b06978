import {
  type DeleteMarkerEntry,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  type ObjectVersion,
} from '@aws-sdk/client-s3';
import type { Bucket } from './bucket.ts';

/** A version of an object, or a delete marker, by its full key. */
export interface VersionEntry {
  readonly key: string;
  readonly versionId: string;
}

/** Lists versions and delete markers under a prefix. */
export async function* listVersions(
  { client, name: Bucket }: Bucket,
  Prefix: string,
  options: { abortSignal: AbortSignal },
): AsyncGenerator<VersionEntry> {
  let next: Marker | null = {};
  while (next !== null) {
    const command: ListObjectVersionsCommand = new ListObjectVersionsCommand({
      Bucket,
      Prefix,
      ...next,
    });
    const page = await client.send(command, options);
    for (const entry of [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])]) {
      const found = toEntry(entry);
      if (found !== null) yield found;
    }
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

function toEntry({ Key, VersionId }: ObjectVersion | DeleteMarkerEntry): VersionEntry | null {
  if (Key === undefined || VersionId === undefined) return null;
  return { key: Key, versionId: VersionId };
}
