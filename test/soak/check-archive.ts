import { createHash } from 'node:crypto';
import type { ManifestLink, ManifestObject } from '../../src/archive/manifest.ts';

/** What Postgres knows of a snapshot's archive. */
export interface Archived {
  readonly pool_id: string;
  readonly snapshot: string;
  readonly manifest: string;
  readonly manifest_sha256: string;
}

interface Manifest {
  readonly objects: readonly ManifestObject[];
  readonly previous: ManifestLink | null;
}

/**
 * What is wrong with the archive of pools, each as a sentence: manifests that do not prove their
 * objects or the manifest before them, and objects that no manifest names.
 *
 * @param archived in the order they were taken.
 * @param objects all that is stored, by key.
 */
export function checkArchive(
  archived: readonly Archived[],
  objects: ReadonlyMap<string, Buffer>,
): string[] {
  const wrong: string[] = [];
  const expect = (isRight: boolean, problem: string) => {
    if (!isRight) wrong.push(problem);
  };
  const named = new Set<string>();
  const last = new Map<string, Manifest['previous']>();
  for (const { pool_id, snapshot, manifest: key, manifest_sha256 } of archived) {
    const bytes = objects.get(key);
    expect(bytes !== undefined, `${key} is missing`);
    if (bytes === undefined) continue;
    named.add(key);
    expect(sha256(bytes) === manifest_sha256, `${key} is not the one that Postgres knows`);
    const { objects: parts, previous } = JSON.parse(bytes.toString()) as Manifest;
    const before = last.get(pool_id) ?? null;
    expect(JSON.stringify(previous) === JSON.stringify(before), `${key} breaks the chain`);
    last.set(pool_id, { snapshot, sha256: sha256(bytes) });
    for (const part of parts) {
      const stored = objects.get(part.key);
      named.add(part.key);
      const isProved = stored?.length === part.bytes && sha256(stored) === part.sha256;
      expect(isProved, `${part.key} is not what its manifest says`);
    }
  }
  for (const key of objects.keys()) expect(named.has(key), `${key} is in no manifest`);
  return wrong;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
