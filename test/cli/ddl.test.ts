import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DDL_DIALECTS } from '../../src/index.ts';
import { COLUMNS } from '../../src/model/columns.ts';
import { ARCHIVED_DATASETS, DATASETS } from '../../src/model/snapshot.ts';
import { OFFLINE } from '../archive/support.ts';
import { type CliResult, runCli } from '../support/cli.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { HASH_KEY } from '../support/privacy.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { type StoredS3Object, sha256 } from '../support/s3-store.ts';

/**
 * An archive of two snapshots in a folder, of which the second keeps settings, and its documents, without a
 * part, in a bucket.
 */
let mirror: CliMirror;
let s3: S3Server;
let snapshots: string[];
beforeAll(async () => {
  mirror = await openCliMirror({ users: 90, groups: 4 });
  expect(await mirror.sync()).toMatchObject({ code: 0 });
  const keeping = { MIRROR_POOL_SETTINGS: 'true', MIRROR_HASH_KEY: HASH_KEY };
  expect(await mirror.sync([], keeping)).toMatchObject({ code: 0 });
  const folder = `manifests/pool_id=${mirror.poolId}`;
  const documents = readdirSync(join(mirror.archive, folder));
  snapshots = documents.map((name) => name.replace('.json', '')).sort();
  expect(snapshots).toHaveLength(2);
  s3 = await startS3Server();
  const { objects } = s3.buckets.get('archive') as { objects: Map<string, StoredS3Object> };
  for (const name of documents) {
    const bytes = readFileSync(join(mirror.archive, folder, name));
    const stored = { bytes, checksum: sha256(bytes), encryption: undefined, kmsKeyId: undefined };
    objects.set(`of/pools/${folder}/${name}`, stored);
  }
}, 120_000);
afterAll(async () => {
  await s3?.close();
  await mirror?.close();
});

/** Runs `ddl` as a stranger, who has nothing but the right to read the bucket. */
function ddl(...args: string[]): Promise<CliResult> {
  return runCli(['ddl', ...args], {
    cwd: mirror.folder,
    env: {
      HOME: mirror.folder,
      TMPDIR: join(mirror.folder, 'tmp'),
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_S3: s3.url,
    },
  });
}

const IN_S3 = 's3://archive/of/pools';
const inFolder = (folder: string) => pathToFileURL(folder).href;

async function statementsOf(...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await ddl(...args);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/;\n$/);
  return stdout.split(/;\n\n?/).slice(0, -1);
}

describe('the statements for DuckDB', () => {
  /** A copy of the archive in a folder whose name has a quote. */
  const copy = () => join(mirror.folder, "analyst's copy");

  /** Runs the statements on the copy, and a query. */
  async function read(query: string): Promise<unknown[][]> {
    const statements = await statementsOf('duckdb', '--archive', inFolder(copy()));
    const instance = await DuckDBInstance.create(':memory:', OFFLINE);
    const connection = await instance.connect();
    try {
      for (const statement of statements) await connection.run(statement);
      return (await connection.runAndReadAll(query)).getRowsJson();
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  }

  test('give views with every column, of sealed snapshots only', async () => {
    cpSync(mirror.archive, copy(), { recursive: true });
    // What an unfinished run leaves: parts without a manifest.
    const users = join(copy(), 'parquet/users', `pool_id=${mirror.poolId}`);
    cpSync(join(users, `snapshot=${snapshots[0]}`), join(users, 'snapshot=20991231T000000Z'), {
      recursive: true,
    });
    const counted = await read(
      'SELECT pool_id, snapshot, count(*)::INTEGER FROM cognito_archive.users GROUP BY ALL ORDER BY 2',
    );
    expect(counted).toEqual(snapshots.map((snapshot) => [mirror.poolId, snapshot, 90]));
    for (const dataset of ARCHIVED_DATASETS) {
      const described = await read(`DESCRIBE cognito_archive.${dataset}`);
      expect(described.slice(0, 2).map(([, type]) => type)).toEqual(['VARCHAR', 'VARCHAR']);
      expect(described.map(([name]) => name)).toEqual([
        'pool_id',
        'snapshot',
        ...COLUMNS[dataset].map(({ name }) => name),
      ]);
    }
  });

  test('read an archive in a bucket by its documents alone', async () => {
    const [, users = ''] = await statementsOf('duckdb', '--archive', IN_S3);
    for (const snapshot of snapshots) {
      const key = `parquet/users/pool_id=${mirror.poolId}/snapshot=${snapshot}/part-00000.parquet`;
      expect(users).toContain(`'${IN_S3}/${key}'`);
    }
    const read = s3.requests.map(({ operation, key }) => `${operation} ${key.split('/')[4]}`);
    expect(read.filter((each) => !/^(GetObject|ListObjectsV2) /.test(each))).toEqual([]);
    expect(s3.requests.some(({ key }) => key.includes('parquet'))).toBe(false);
  });
});

/** What names a partition in the statements of each engine that registers them. */
const PARTITION: Readonly<Record<string, (pool: string, snapshot: string) => string>> = {
  athena: (pool, snapshot) => `PARTITION (\`pool_id\` = '${pool}', \`snapshot\` = '${snapshot}')`,
  spark: (pool, snapshot) => `PARTITION (\`pool_id\` = '${pool}', \`snapshot\` = '${snapshot}')`,
  trino: (pool, snapshot) => `ARRAY['${pool}', '${snapshot}']`,
  snowflake: (pool, snapshot) => `ADD PARTITION (pool_id = '${pool}', snapshot = '${snapshot}')`,
  bigquery: (pool, snapshot) => `/pool_id=${pool}/snapshot=${snapshot}/part-00000.parquet'`,
};

test.each(Object.entries(PARTITION))(
  'the statements for %s declare each dataset and its sealed snapshots',
  async (engine, partition) => {
    const text = (await statementsOf(engine, '--archive', IN_S3)).join('\n');
    const base = engine === 'spark' ? IN_S3.replace('s3:', 's3a:') : IN_S3;
    expect(text).toContain(base);
    const named = snapshots.map(
      (snapshot) => text.split(partition(mirror.poolId, snapshot)).length - 1,
    );
    // The first snapshot has no changes.
    expect(named).toEqual([DATASETS.length, ARCHIVED_DATASETS.length]);
    // BigQuery takes the columns from the files.
    if (engine === 'bigquery') return;
    for (const { name } of ARCHIVED_DATASETS.flatMap((dataset) => [...COLUMNS[dataset]])) {
      expect(text).toMatch(new RegExp(`^ {2}["\`]?${name}["\`]? \\w`, 'm'));
    }
  },
);

test('with --projection, Athena gets the values of the partitions', async () => {
  const statements = await statementsOf('athena', '--projection', '--archive', IN_S3);
  const text = statements.join('\n');
  expect(text).not.toContain('ADD IF NOT EXISTS');
  expect(text).toContain(`'projection.pool_id.values' = '${mirror.poolId}'`);
  expect(text).toContain(`'projection.snapshot.values' = '${snapshots.join(',')}'`);
  expect(text).toContain(`'${IN_S3}/parquet/users/pool_id=\${pool_id}/snapshot=\${snapshot}/'`);
});

describe('ddl refuses', () => {
  test.each([
    ['an unknown engine', ['oracle'], new RegExp(DDL_DIALECTS.join(', '))],
    ['projection elsewhere', ['trino', '--projection', '--archive', IN_S3], /only Athena/],
    ['an archive without a manifest', ['athena', '--archive', 's3://archive/no'], /no manifest/],
    ['a URL of something else', ['athena', '--archive', 'https://archive'], /s3:\/\//],
  ])('%s', async (_, args, problem) => {
    const { code, stdout, stderr } = await ddl(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(problem);
  });

  test.each(['athena', 'trino', 'snowflake', 'bigquery'])('a folder for %s', async (engine) => {
    const { code, stderr } = await ddl(engine, '--archive', inFolder(mirror.archive));
    expect([code, stderr.includes(`${engine} cannot read a folder of this machine`)]).toEqual([
      2,
      true,
    ]);
  });

  test('an archive whose manifest was altered, and one without Parquet', async () => {
    const copy = join(mirror.folder, 'altered');
    cpSync(mirror.archive, copy, { recursive: true });
    const path = join(copy, `manifests/pool_id=${mirror.poolId}/${snapshots[1]}.json`);
    const manifest = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, '{}');
    const altered = await ddl('duckdb', '--archive', inFolder(copy));
    expect(altered).toMatchObject({ code: 2, stdout: '' });
    expect(altered.stderr).toContain(`${snapshots[1]}.json is not as it was sealed.`);
    const objects = manifest.objects.filter((part: { format: string }) => part.format === 'jsonl');
    writeFileSync(path, JSON.stringify({ ...manifest, objects }));
    rmSync(path.replace(snapshots[1] as string, snapshots[0] as string));
    const without = await ddl('duckdb', '--archive', inFolder(copy));
    expect(without).toMatchObject({ code: 2, stdout: '' });
    expect(without.stderr).toContain('no snapshot of the archive has Parquet files');
  });
});
