import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { Destination } from '../../src/archive/destination.ts';
import { readWhole } from '../../src/archive/read-object.ts';
import { writeArchive } from '../../src/archive/write-archive.ts';
import type { ArchiveLock } from '../../src/model/object-lock.ts';
import { type PruneOptions, pruneArchive } from '../../src/retention/prune-archive.ts';
import { loadKeyFile } from '../../src/signature/key-file.ts';
import type { Signer } from '../../src/signature/signer.ts';
import { verifyPool } from '../../src/verify/verify-pool.ts';
import { NEVER, optionsWith, POOL, pool, requestFor, rowsOf } from '../archive/support.ts';
import { makeKeyFile } from '../signature/support.ts';
import { temporaryFolder } from '../support/temp.ts';

export const SNAPSHOTS = [18, 19, 20, 21].map((day) => `202611${day}T020000Z`);
export const [FIRST = '', SECOND = '', THIRD = '', LAST = ''] = SNAPSHOTS;
const DATASETS = pool(3);
/** Keeps the last two. */
export const RULE = { daily: 2 };

export let folder: Awaited<ReturnType<typeof temporaryFolder>>;
/** Signs manifests and removals. */
export let signer: Signer;

/** Makes `folder` and `signer` for the tests of a file. */
export function useSigner(): void {
  beforeAll(async () => {
    folder = await temporaryFolder();
    signer = await loadKeyFile(makeKeyFile(folder.path).path);
  });
  afterAll(() => folder.remove());
}

/** Seals the four snapshots of a pool. */
export async function seal(
  destination: Destination,
  by: Signer | null,
  poolId = POOL,
  snapshots = SNAPSHOTS,
  lock: ArchiveLock | null = null,
): Promise<void> {
  for (const snapshot of snapshots) {
    const day = Number(snapshot.slice(6, 8));
    const snapshotAt = new Date(Date.UTC(2026, 10, day, 2));
    const request = requestFor(DATASETS, { poolId, snapshotAt });
    const options = optionsWith({ formats: ['jsonl'], partRows: 2, signer: by, lock });
    await writeArchive(destination, request, rowsOf(DATASETS), options);
  }
}

export function prune(
  destination: Destination,
  options: Partial<PruneOptions> = {},
  poolId = POOL,
) {
  return pruneArchive(destination, poolId, {
    rule: RULE,
    dryRun: false,
    owner: 'a-database',
    signer: null,
    lock: null,
    program: 'cognito-mirror/0.0.0',
    workFolder: join(folder.path, 'work'),
    signal: NEVER,
    ...options,
  });
}

export async function verify(destination: Destination, poolId = POOL) {
  const { findings, ...rest } = await verifyPool(destination, poolId, {
    from: null,
    to: null,
    content: 'all',
    signers: null,
    head: null,
    parquet: null,
    signal: NEVER,
  });
  return { ...rest, findings: findings.map(({ code, key, detail }) => ({ code, key, detail })) };
}

export async function listKeys(destination: Destination, prefix = ''): Promise<string[]> {
  const keys: string[] = [];
  for (const root of prefix === '' ? ['jsonl/', 'manifests/', 'locks/'] : [prefix]) {
    for await (const { key } of destination.list(root, NEVER)) keys.push(key);
  }
  return keys.sort();
}

export const partsOf = (keys: readonly string[], snapshot: string) =>
  keys.filter((key) => key.startsWith('jsonl/') && key.includes(`snapshot=${snapshot}/`));

export const outcomes = ({ snapshots }: Awaited<ReturnType<typeof prune>>) =>
  snapshots.map(({ snapshot, outcome }) => [snapshot, outcome]);

export const ALL_REMOVED = [
  [FIRST, 'removed'],
  [SECOND, 'removed'],
  [THIRD, 'kept'],
  [LAST, 'kept'],
];

export async function read(destination: Destination, key: string): Promise<Buffer> {
  return (await readWhole(destination, key, NEVER)) ?? Buffer.of();
}
