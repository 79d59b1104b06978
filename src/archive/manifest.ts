import { z } from 'zod';
import { ARCHIVE_FORMATS, type ArchiveFormat } from '../config/config.ts';
import { type Counts, DATASETS, type Dataset, snapshotId } from '../model/snapshot.ts';

/** One stored part, as its manifest names it. */
export interface ManifestObject {
  /** Relative to the destination. */
  readonly key: string;
  readonly format: ArchiveFormat;
  readonly dataset: Dataset;
  readonly rows: number;
  readonly bytes: number;
  /** In lower-case hex. */
  readonly sha256: string;
}

/** A link of the chain: a sealed snapshot, and the SHA-256 of its manifest's bytes in hex. */
export interface ManifestLink {
  readonly snapshot: string;
  readonly sha256: string;
}

/** What a manifest says of its snapshot. */
export interface ManifestContent {
  /** The program and its version, as `cognito-mirror/1.2.3`. */
  readonly program: string;
  readonly poolId: string;
  readonly snapshotAt: Date;
  readonly walkedAt: Date;
  readonly publishedAt: Date;
  readonly counts: Counts;
  readonly objects: readonly ManifestObject[];
  readonly previous: ManifestLink | null;
}

/** The version of the manifest's form that this program writes and reads. */
const VERSION = 1;

/** The manifest's bytes: the same for the same content, whatever the order of its objects. */
export function formatManifest(content: ManifestContent): Buffer {
  const { program, poolId, snapshotAt, walkedAt, publishedAt, counts, previous } = content;
  const objects = content.objects
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, format, dataset, rows, bytes, sha256 }) => ({
      key,
      format,
      dataset,
      rows,
      bytes,
      sha256,
    }));
  const manifest = {
    version: VERSION,
    program,
    poolId,
    snapshot: snapshotId(snapshotAt),
    snapshotAt: snapshotAt.toISOString(),
    walkedAt: walkedAt.toISOString(),
    publishedAt: publishedAt.toISOString(),
    counts: { users: counts.users, groups: counts.groups, memberships: counts.memberships },
    objects,
    previous: previous && { snapshot: previous.snapshot, sha256: previous.sha256 },
  };
  return Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
}

const COUNT = z.number().int().nonnegative();
const SHA256 = z.string().regex(/^[0-9a-f]{64}$/);

/** What is read of a manifest that is there already. */
const MANIFEST = z.object({
  version: z.literal(VERSION),
  program: z.string(),
  poolId: z.string(),
  snapshot: z.string(),
  walkedAt: z.string(),
  publishedAt: z.string(),
  objects: z.array(
    z.object({
      key: z.string(),
      format: z.enum(ARCHIVE_FORMATS),
      dataset: z.enum(DATASETS),
      rows: COUNT,
      bytes: COUNT,
      sha256: SHA256,
    }),
  ),
});

export type ParsedManifest = z.output<typeof MANIFEST>;

/** Reads a manifest's bytes; where they are not one that this program knows, says what they are. */
export function readManifest(bytes: Buffer): ParsedManifest | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return { problem: bytes.length === 0 ? 'it is empty' : 'it is not JSON' };
  }
  const { version } = (value ?? {}) as { version?: unknown };
  if (typeof version === 'number' && version > VERSION) {
    return {
      problem: `it has version ${version} of the form, and this program reads version ${VERSION}`,
    };
  }
  const parsed = MANIFEST.safeParse(value);
  return parsed.success ? parsed.data : { problem: 'it does not have the form of a manifest' };
}

/** Reads a manifest's bytes; null where they are not one. */
export function parseManifest(bytes: Buffer): ParsedManifest | null {
  const manifest = readManifest(bytes);
  return 'problem' in manifest ? null : manifest;
}

/** The SHA-256 of each object that a manifest names, by key; none where it cannot be read. */
export function sealedHashes(manifest: Buffer): ReadonlyMap<string, string> {
  const { objects = [] } = parseManifest(manifest) ?? {};
  return new Map(objects.map(({ key, sha256 }) => [key, sha256]));
}
