import { z } from 'zod';
import {
  COMMON,
  COUNTS,
  type ManifestObject,
  OBJECTS,
  parseDocument,
  SHA256,
  TIME,
  toDocumentCounts,
  toDocumentObjects,
  type Unreadable,
  versionOf,
} from './manifest.ts';

/**
 * Manifests are never rewritten. What happens later to the objects of a snapshot is a document of its
 * own beside the manifest: an amendment. A revision replaces the list of objects, as after a person's
 * erasure. A removal names objects that were deleted, as by retention. Both are signed like manifests.
 */

/** The document before: the manifest, or the revision before, with the SHA-256 of its bytes. */
const FOLLOWS = z.object({ key: z.string(), sha256: SHA256 });

const REVISION = z.object({
  ...COMMON,
  kind: z.literal('revision'),
  /** Counts from 1. */
  revision: z.number().int().positive(),
  revisedAt: TIME,
  counts: COUNTS,
  /** Every object of the snapshot: the new ones and those that stay. */
  objects: OBJECTS,
  follows: FOLLOWS,
});

const REMOVAL = z.object({
  ...COMMON,
  kind: z.literal('removal'),
  removedAt: TIME,
  /** The keys of the deleted objects. */
  objects: z.array(z.string()),
  follows: FOLLOWS,
});

export type Revision = z.output<typeof REVISION>;
export type Removal = z.output<typeof REMOVAL>;

/** A document that an amendment follows. */
export type DocumentLink = Readonly<z.output<typeof FOLLOWS>>;

export interface RevisionContent
  extends Pick<Revision, 'program' | 'poolId' | 'snapshot' | 'revision' | 'revisedAt' | 'counts'> {
  readonly objects: readonly ManifestObject[];
  readonly follows: DocumentLink;
}

/** Formats a revision. The same content gives the same bytes, in any order of its objects. */
export function formatRevision(content: RevisionContent): Buffer {
  const { program, poolId, snapshot, revision, revisedAt, counts, objects, follows } = content;
  const document = {
    version: versionOf(objects),
    kind: 'revision',
    program,
    poolId,
    snapshot,
    revision,
    revisedAt,
    counts: toDocumentCounts(counts),
    objects: toDocumentObjects(objects),
    follows: { key: follows.key, sha256: follows.sha256 },
  };
  return Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
}

export interface RemovalContent
  extends Pick<Removal, 'program' | 'poolId' | 'snapshot' | 'removedAt'> {
  readonly objects: readonly string[];
  readonly follows: DocumentLink;
}

/** Formats a removal. The same content gives the same bytes, in any order of its objects. */
export function formatRemoval(content: RemovalContent): Buffer {
  const { program, poolId, snapshot, removedAt, objects, follows } = content;
  const removal = {
    version: versionOf([]),
    kind: 'removal',
    program,
    poolId,
    snapshot,
    removedAt,
    objects: objects.toSorted(),
    follows: { key: follows.key, sha256: follows.sha256 },
  };
  return Buffer.from(`${JSON.stringify(removal, null, 2)}\n`);
}

export function parseRevision(bytes: Buffer): Revision | Unreadable {
  return parseDocument(bytes, REVISION);
}

export function parseRemoval(bytes: Buffer): Removal | Unreadable {
  return parseDocument(bytes, REMOVAL);
}
