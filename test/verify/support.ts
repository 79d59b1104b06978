import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll } from 'vitest';
import { manifestKey, removalKey, revisionKey } from '../../src/archive/layout.ts';
import type { ManifestObject, ParsedManifest } from '../../src/archive/manifest.ts';
import { openDestination } from '../../src/archive/open-destination.ts';
import { writeArchive } from '../../src/archive/write-archive.ts';
import { parseAllowedSigners } from '../../src/signature/allowed-signers.ts';
import { loadKeyFile } from '../../src/signature/key-file.ts';
import type { Signer } from '../../src/signature/signer.ts';
import { ParquetChecks } from '../../src/verify/check-content.ts';
import type { Finding, PoolVerification } from '../../src/verify/findings.ts';
import { type VerifyOptions, verifyPool } from '../../src/verify/verify-pool.ts';
import {
  type Datasets,
  OFFLINE,
  optionsWith,
  POOL,
  pool,
  requestFor,
  rowsOf,
} from '../archive/support.ts';
import { makeKeyFile, NEVER, signerLine } from '../signature/support.ts';
import { filesBelow } from '../support/cli-mirror.ts';
import { temporaryFolder } from '../support/temp.ts';

/** The ids of the snapshots of the archive, oldest first. */
export const SNAPSHOTS = [20, 21, 22, 23, 24].map((day) => `202611${day}T020000Z`);

/** A signed archive of five snapshots in both formats, made once for a file of tests. */
export interface SealedArchive {
  readonly folder: string;
  readonly signer: Signer;
  /** A key that the file of signers does not have. */
  readonly stranger: Signer;
  /** The keys of its objects and documents. */
  readonly keys: readonly string[];
  /** Makes a copy, to be changed. */
  copy(): Copy;
}

/** A copy of an archive in a folder of its own. */
export interface Copy {
  readonly folder: string;
  read(key: string): Buffer;
  write(key: string, bytes: string | Uint8Array): void;
  manifest(snapshot: string): ParsedManifest & Record<string, unknown>;
  /** Writes a document with its signature, or without. */
  seal(key: string, document: unknown, signer: Signer | null): Promise<void>;
  verify(options?: Partial<VerifyOptions>): Promise<PoolVerification>;
}

let parquet: ParquetChecks;
let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let copies = 0;

/** Makes the archive before the tests of a file. `datasets` gives the content of each snapshot. */
export function useSealedArchive(
  datasets: (index: number) => Datasets = (index) => pool(3 + index),
): () => SealedArchive {
  let archive: SealedArchive;
  beforeAll(async () => {
    temporary = await temporaryFolder();
    const work = join(temporary.path, 'parquet');
    mkdirSync(work);
    parquet = (await ParquetChecks.open(work)) as ParquetChecks;
    const signer = await loadKeyFile(makeKeyFile(temporary.path).path);
    const stranger = await loadKeyFile(makeKeyFile(temporary.path, 'stranger').path);
    const folder = join(temporary.path, 'archive');
    for (const index of SNAPSHOTS.keys()) await seal(folder, index, datasets, signer);
    const keys = await filesBelow(folder);
    archive = { folder, signer, stranger, keys, copy: () => copyOf(folder, signer) };
  }, 60_000);
  afterAll(async () => {
    parquet.close();
    await temporary.remove();
  });
  return () => archive;
}

async function seal(
  folder: string,
  index: number,
  datasets: (index: number) => Datasets,
  signer: Signer,
): Promise<void> {
  const content = datasets(index);
  const snapshotAt = new Date(Date.UTC(2026, 10, 20 + index, 2));
  const publishedAt = new Date(snapshotAt.getTime() + 600_000);
  const request = requestFor(content, { snapshotAt, walkedAt: publishedAt, publishedAt });
  const destination = await openDestination(pathToFileURL(folder).href);
  const rows = rowsOf(content, undefined, index > 0 ? datasets(index - 1) : null);
  await writeArchive(destination, request, rows, optionsWith({ partRows: 3, signer }));
}

function copyOf(archive: string, signer: Signer): Copy {
  copies += 1;
  const folder = join(temporary.path, `copy-${copies}`);
  cpSync(archive, folder, { recursive: true });
  const write = (key: string, bytes: string | Uint8Array) => {
    mkdirSync(dirname(join(folder, key)), { recursive: true });
    writeFileSync(join(folder, key), bytes);
  };
  const read = (key: string) => readFileSync(join(folder, key));
  return {
    folder,
    read,
    write,
    manifest: (snapshot) => JSON.parse(read(manifestKey(POOL, snapshot)).toString()),
    async seal(key, document, by) {
      const bytes = Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
      write(key, bytes);
      if (by !== null) write(`${key}.sig`, await by.sign(bytes, NEVER));
    },
    verify: async (options) =>
      verifyPool(await openDestination(pathToFileURL(folder).href), POOL, {
        ...everything(signer),
        ...options,
      }),
  };
}

/** Verifies all of an archive against the one key that may sign. */
export function everything(signer: Signer): VerifyOptions {
  const signers = parseAllowedSigners(signerLine(signer.publicKey));
  return { from: null, to: null, content: 'all', signers, head: null, parquet, signal: NEVER };
}

/** The code and key of each finding. */
export function named(findings: readonly Finding[]): [string, string][] {
  return findings.map(({ code, key }) => [code, key]);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A signed revision in which some objects are replaced by others. */
export function revisionOf(
  copy: Copy,
  snapshot: string,
  replace: (object: ManifestObject) => ManifestObject = (object) => object,
): { key: string; document: Record<string, unknown> } {
  const { program, poolId, objects, counts } = copy.manifest(snapshot);
  const document = {
    version: 1,
    kind: 'revision',
    program,
    poolId,
    snapshot,
    revision: 1,
    revisedAt: '2026-11-25T10:00:00.000Z',
    counts,
    objects: objects.map(replace),
    follows: followManifest(copy, snapshot),
  };
  return { key: revisionKey(POOL, snapshot, 1), document };
}

/** A removal of every object of a snapshot. */
export function removalOf(
  copy: Copy,
  snapshot: string,
): { key: string; document: Record<string, unknown> } {
  const { program, poolId, objects } = copy.manifest(snapshot);
  const document = {
    version: 1,
    kind: 'removal',
    program,
    poolId,
    snapshot,
    removedAt: '2026-11-25T10:00:00.000Z',
    objects: objects.map(({ key }) => key),
    follows: followManifest(copy, snapshot),
  };
  return { key: removalKey(POOL, snapshot), document };
}

function followManifest(copy: Copy, snapshot: string): { key: string; sha256: string } {
  const key = manifestKey(POOL, snapshot);
  return { key, sha256: sha256(copy.read(key)) };
}

/** Writes a Parquet file of a query. */
export async function writeParquet(sql: string): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'cognito-mirror-test-'));
  const instance = await DuckDBInstance.create(':memory:', OFFLINE);
  const connection = await instance.connect();
  try {
    const path = join(folder, 'part.parquet');
    await connection.run(`COPY (${sql}) TO '${path}' (FORMAT parquet)`);
    return readFileSync(path);
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(folder, { recursive: true });
  }
}
