import { pathToFileURL } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDestination } from '../../src/archive/open-destination.ts';
import { ARCHIVE_FORMATS } from '../../src/config/config.ts';
import { archiveDdl, type Change, openArchive } from '../../src/index.ts';
import { ParquetChecks } from '../../src/verify/check-content.ts';
import type { Finding } from '../../src/verify/findings.ts';
import { verifyPool } from '../../src/verify/verify-pool.ts';
import { NEVER, OFFLINE } from '../archive/support.ts';
import { toVersion1 } from '../archive/version-1.ts';
import { openTestMirror, type TestMirror } from '../support/mirror.ts';

/** An archive of two snapshots that a program of before MFA states sealed, in every format. */
let mirror: TestMirror;
let poolId: string;
let url: string;
const formats = ARCHIVE_FORMATS;
beforeAll(async () => {
  mirror = await openTestMirror({ users: 30, groups: 3, seed: 3 });
  poolId = mirror.pool.settings.id;
  url = pathToFileURL(mirror.archive).href;
  await mirror.sync({ formats });
  const [first] = [...mirror.pool.users()];
  mirror.pool.updateAttributes(first?.username ?? '', { nickname: 'Edited' });
  await mirror.sync({ formats });
  for (const { snapshot, sha256 } of await toVersion1(mirror.archive, poolId)) {
    await mirror.db.query(
      'UPDATE directory.snapshots SET manifest_sha256 = $2 WHERE snapshot = $1',
      [snapshot, sha256],
    );
  }
}, 120_000);
afterAll(() => mirror?.close());

async function verify(): Promise<readonly Finding[]> {
  const parquet = await ParquetChecks.open(mirror.work);
  try {
    const { findings } = await verifyPool(await openDestination(url), poolId, {
      from: null,
      to: null,
      content: 'all',
      signers: null,
      head: null,
      parquet,
      signal: NEVER,
    });
    return findings;
  } finally {
    parquet?.close();
  }
}

/** The fields that differ between the two newest snapshots, by the archive alone. */
async function diffFields(): Promise<string[]> {
  const changes: Change[] = [];
  await (await openArchive(url)).diff(poolId, async (_, batches) => {
    for await (const some of batches) changes.push(...some);
  });
  return [...new Set(changes.flatMap(({ fields }) => Object.keys(fields)))].sort();
}

/** How many users of each snapshot the statements of `ddl` show with a known MFA state. */
async function query(): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(':memory:', OFFLINE);
  const connection = await instance.connect();
  try {
    for (const statement of await archiveDdl('duckdb', { archive: url })) {
      await connection.run(statement);
    }
    const [described] = [await connection.runAndReadAll('DESCRIBE cognito_archive.users')];
    const names = described.getRowsJson().map(([name]) => name);
    const known = names.includes('mfa_settings') ? 'count(mfa_settings)::INTEGER' : '-1';
    const rows = await connection.runAndReadAll(
      `SELECT count(*)::INTEGER, ${known} FROM cognito_archive.users GROUP BY snapshot ORDER BY snapshot`,
    );
    return rows.getRowsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const statusesOf = async () => (await (await openArchive(url)).report(poolId)).to.counts.statuses;

test('an archive of before MFA states verifies, and answers questions', async () => {
  expect(await verify()).toEqual([]);
  expect(await diffFields()).toEqual(['nickname']);
  expect((await statusesOf()).every(({ mfaKnown }) => mfaKnown === 0)).toBe(true);
  expect(await query()).toEqual([
    [30, -1],
    [30, -1],
  ]);
});

test('it is continued, and answers questions across the change', async () => {
  const { error } = await mirror.sync({ formats, mfaBudget: 100 });
  expect(error).toBeNull();
  expect(await verify()).toEqual([]);
  expect(await diffFields()).toEqual(['mfa_settings', 'preferred_mfa']);
  expect((await statusesOf()).every(({ users, mfaKnown }) => users === mfaKnown)).toBe(true);
  expect(await query()).toEqual([
    [30, 0],
    [30, 0],
    [30, 30],
  ]);
});
