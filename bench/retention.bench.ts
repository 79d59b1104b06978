import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'vitest';
import type { Destination } from '../src/archive/destination.ts';
import { manifestKey, partName, partsPrefix, signatureKey } from '../src/archive/layout.ts';
import { formatManifest, type ManifestLink } from '../src/archive/manifest.ts';
import { openDestination } from '../src/archive/open-destination.ts';
import type { KeepRule } from '../src/config/keep-rule.ts';
import { DATASETS, snapshotId } from '../src/model/snapshot.ts';
import { pruneArchive } from '../src/retention/prune-archive.ts';
import { loadKeyFile } from '../src/signature/key-file.ts';
import type { Signer } from '../src/signature/signer.ts';
import { wrap } from '../test/archive/destinations.ts';
import { NEVER, POOL } from '../test/archive/support.ts';
import { makeKeyFile } from '../test/signature/support.ts';
import { temporaryFolder } from '../test/support/temp.ts';
import { type Figures, report } from './support/figures.ts';

/** Over eight years of nights. */
const SNAPSHOTS = 3_000;
const RULE: KeepRule = { daily: 30, monthly: 12, yearly: 7 };
const DAY_MS = 86_400_000;

/** Prunes a signed archive of 3,000 snapshots in a folder: for the first time, then every night. */
test('retention', async () => {
  const folder = await temporaryFolder();
  try {
    const signer = await loadKeyFile(makeKeyFile(folder.path).path);
    const archive = join(folder.path, 'archive');
    const last = await seal(archive, 0, SNAPSHOTS, null, signer);
    const destination = await openDestination(pathToFileURL(archive).href);
    const measured = (rule?: KeepRule) => measure(destination, folder.path, signer, rule);
    const first = await measured();
    const idle = await measured();
    await seal(archive, SNAPSHOTS, 1, last, signer);
    await report('retention', {
      'first run': first,
      'nothing due': idle,
      'a night later': await measured(),
    });
  } finally {
    await folder.remove();
  }
}, 1_800_000);

/** Writes signed snapshots of a few bytes, one a night, and returns the last link of their chain. */
async function seal(
  archive: string,
  from: number,
  count: number,
  previous: ManifestLink | null,
  signer: Signer,
): Promise<ManifestLink | null> {
  let link = previous;
  const write = async (key: string, bytes: string | Uint8Array) => {
    await mkdir(dirname(join(archive, key)), { recursive: true });
    await writeFile(join(archive, key), bytes);
  };
  for (let night = from; night < from + count; night += 1) {
    const snapshotAt = new Date(Date.UTC(2018, 0, 1, 2) + night * DAY_MS);
    const snapshot = snapshotId(snapshotAt);
    const objects = (['parquet', 'jsonl'] as const).flatMap((format) =>
      DATASETS.map((dataset) => {
        const key = partsPrefix(format, dataset, POOL, snapshot) + partName(format, 0);
        return { key, format, dataset, rows: 0, bytes: 5, sha256: '0'.repeat(64) };
      }),
    );
    for (const { key } of objects) await write(key, 'bytes');
    const counts = { users: 0, groups: 0, memberships: 0 };
    const times = { snapshotAt, walkedAt: snapshotAt, publishedAt: snapshotAt };
    const chained = { lock: null, previous: link, ...times };
    const content = { program: 'bench', poolId: POOL, counts, objects, ...chained };
    const bytes = formatManifest(content);
    const key = manifestKey(POOL, snapshot);
    await write(key, bytes);
    await write(signatureKey(key), await signer.sign(bytes, NEVER));
    link = { snapshot, sha256: createHash('sha256').update(bytes).digest('hex') };
  }
  return link;
}

async function measure(
  destination: Destination,
  folder: string,
  signer: Signer,
  rule = RULE,
): Promise<Figures> {
  let calls = 0;
  const count = <T>(made: T): T => {
    calls += 1;
    return made;
  };
  const counted = wrap(destination, {
    read: (key, signal) => count(destination.read(key, signal)),
    create: (key, file, signal) => count(destination.create(key, file, signal)),
    delete: (keys, signal) => count(destination.delete(keys, signal)),
    head: (key, signal) => count(destination.head(key, signal)),
  });
  const started = performance.now();
  const { snapshots, removedBefore } = await pruneArchive(counted, POOL, {
    rule,
    dryRun: false,
    owner: 'bench',
    signer,
    lock: null,
    program: 'bench',
    workFolder: join(folder, 'work'),
    signal: NEVER,
  });
  return {
    seconds: (performance.now() - started) / 1000,
    kept: snapshots.filter(({ outcome }) => outcome === 'kept').length,
    removed: snapshots.filter(({ outcome }) => outcome === 'removed').length,
    'removed before': removedBefore.length,
    'reads, writes and deletions': calls,
  };
}
