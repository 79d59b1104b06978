import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { parse } from 'csv-parse/sync';
import type { ManifestLink, ManifestObject, ParsedManifest } from '../../src/archive/manifest.ts';
import { formatCsvLine } from '../../src/common/csv.ts';
import type { ArchiveFormat } from '../../src/config/config.ts';

import { sha256 } from '../verify/support.ts';
import { OFFLINE } from './support.ts';

const LATER = ['mfa_settings', 'preferred_mfa', 'mfa_read_at'];

type Rewrite = (path: string) => Promise<Buffer>;

/** Parts of users without the columns of MFA states. */
const REWRITES: Readonly<Record<ArchiveFormat, Rewrite>> = {
  async jsonl(path) {
    const lines = gunzipSync(readFileSync(path)).toString().split('\n').slice(0, -1);
    const rows = lines.map((line) => {
      const row = JSON.parse(line) as Record<string, unknown>;
      return JSON.stringify(
        Object.fromEntries(Object.entries(row).filter(([name]) => !LATER.includes(name))),
      );
    });
    return gzipSync(rows.map((row) => `${row}\n`).join(''));
  },
  async csv(path) {
    const records = parse(gunzipSync(readFileSync(path)), {
      record_delimiter: '\r\n',
      cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
    }) as (string | null)[][];
    const kept = (records[0] ?? []).length - LATER.length;
    return gzipSync(records.map((fields) => formatCsvLine(fields.slice(0, kept))).join(''));
  },
  async parquet(path) {
    const instance = await DuckDBInstance.create(':memory:', OFFLINE);
    const connection = await instance.connect();
    try {
      await connection.run(
        `COPY (SELECT * EXCLUDE (${LATER.join(', ')}) FROM read_parquet('${path}', hive_partitioning = false))
         TO '${path}' (FORMAT parquet, COMPRESSION zstd)`,
      );
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
    return readFileSync(path);
  },
};

/**
 * Makes of a pool's archive in a folder what a program of before MFA states would have sealed: manifests
 * of version 1 in a chain, and users without these columns.
 *
 * @returns each manifest's snapshot and its new SHA-256.
 */
export async function toVersion1(folder: string, poolId: string): Promise<ManifestLink[]> {
  const manifests = join(folder, `manifests/pool_id=${poolId}`);
  const links: ManifestLink[] = [];
  for (const name of readdirSync(manifests).sort()) {
    const path = join(manifests, name);
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as ParsedManifest;
    const rewrite = async (object: ManifestObject) => {
      if (object.dataset !== 'users') return object;
      const part = join(folder, object.key);
      const bytes = await REWRITES[object.format](part);
      writeFileSync(part, bytes);
      return { ...object, bytes: bytes.length, sha256: sha256(bytes) };
    };
    const objects: ManifestObject[] = [];
    for (const object of manifest.objects) objects.push(await rewrite(object));
    const previous = links.at(-1) ?? null;
    const bytes = Buffer.from(
      `${JSON.stringify({ ...manifest, version: 1, objects, previous }, null, 2)}\n`,
    );
    writeFileSync(path, bytes);
    links.push({ snapshot: manifest.snapshot, sha256: sha256(bytes) });
  }
  return links;
}
