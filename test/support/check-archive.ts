import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ManifestLink, ManifestObject } from '../../src/archive/manifest.ts';
import { DATASETS } from '../../src/model/snapshot.ts';
import { filesBelow } from './cli-mirror.ts';

/** What Postgres knows of a snapshot's archive. */
export interface Archived {
  readonly pool_id: string;
  readonly snapshot: string;
  readonly manifest: string;
  readonly manifest_sha256: string;
  /** Rows of each dataset; as text where they came as `bigint`. */
  readonly users: number | string;
  readonly groups: number | string;
  readonly memberships: number | string;
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
  const lastCounts = new Map<string, Archived>();
  for (const row of archived) {
    const { pool_id, snapshot, manifest: key, manifest_sha256 } = row;
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
    for (const format of new Set(parts.map((part) => part.format))) {
      for (const dataset of DATASETS) {
        const own = parts.filter((part) => part.format === format && part.dataset === dataset);
        const rows = own.reduce((sum, part) => sum + part.rows, 0);
        expect(rows === Number(row[dataset]), `${key} has ${rows} ${dataset} as ${format}`);
        const earlier = lastCounts.get(pool_id);
        const net = netChange(parts, format, dataset);
        const isNet = net === (earlier ? Number(row[dataset]) - Number(earlier[dataset]) : null);
        expect(isNet, `${key} has ${net} more ${dataset} by its changes as ${format}`);
      }
    }
    lastCounts.set(pool_id, row);
  }
  for (const key of objects.keys()) expect(named.has(key), `${key} is in no manifest`);
  return wrong;
}

/** Rows of a dataset that were added, less those that were removed; null if no changes are archived. */
function netChange(
  parts: readonly ManifestObject[],
  format: string,
  dataset: (typeof DATASETS)[number],
): number | null {
  const own = parts.filter((part) => part.format === format && part.dataset === 'changes');
  if (own.length === 0) return null;
  return own.reduce((sum, { changes }) => {
    const { added = 0, removed = 0 } = changes?.[dataset] ?? {};
    return sum + added - removed;
  }, 0);
}

/** Every file below a folder, by its path there. */
export async function objectsBelow(folder: string): Promise<Map<string, Buffer>> {
  const keys = await filesBelow(folder);
  const read = async (key: string): Promise<[string, Buffer]> => [
    key,
    await readFile(join(folder, key)),
  ];
  return new Map(await Promise.all(keys.map(read)));
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
