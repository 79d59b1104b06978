import { expect, test } from 'vitest';
import { bigqueryStatements } from '../../src/ddl/bigquery.ts';
import { duckdbStatements } from '../../src/ddl/duckdb.ts';
import { athenaStatements, sparkStatements } from '../../src/ddl/hive.ts';
import type { Partition, SealedArchive } from '../../src/ddl/sealed-archive.ts';
import { snowflakeStatements } from '../../src/ddl/snowflake.ts';
import { trinoStatements } from '../../src/ddl/trino.ts';

const POOL = 'us-east-1_Ab12Cd34';

/** An archive of some snapshots of one pool. */
function archiveOf(snapshots: number, url = 's3://archive/of/pools'): SealedArchive {
  const partition = (index: number): Partition => {
    const snapshot = `20261120T02${String(Math.floor(index / 60)).padStart(2, '0')}${String(index % 60).padStart(2, '0')}Z`;
    const prefix = `parquet/users/pool_id=${POOL}/snapshot=${snapshot}/`;
    return { poolId: POOL, snapshot, prefix, version: 2, keys: [`${prefix}part-00000.parquet`] };
  };
  const partitions = Array.from({ length: snapshots }, (_, index) => partition(index));
  return {
    url,
    partitions: {
      users: partitions,
      groups: partitions,
      memberships: partitions,
      settings: partitions,
      changes: partitions.slice(1),
    },
  };
}

test.each([
  ['Athena', (archive: SealedArchive) => athenaStatements(archive, false)],
  ['Spark', sparkStatements],
])('%s gets each partition once, in statements below the limit of Athena', (_, statements) => {
  const all = statements(archiveOf(250)).filter((each) => each.startsWith('ALTER TABLE'));
  expect(all).toHaveLength(15);
  expect(all.every((each) => each.length < 200_000)).toBe(true);
  const users = all.slice(0, 3).join('\n');
  const found = [...users.matchAll(/`snapshot` = '(\w+)'/g)].map(([, snapshot]) => snapshot);
  expect(found).toEqual(archiveOf(250).partitions.users.map(({ snapshot }) => snapshot));
});

test.each([
  ['Athena', (archive: SealedArchive) => athenaStatements(archive, false), "s3://archive/o\\'f"],
  ['Athena', (archive: SealedArchive) => athenaStatements(archive, true), "s3://archive/o\\'f"],
  ['Spark', sparkStatements, "s3a://archive/o\\'f"],
  ['Trino', trinoStatements, "s3://archive/o''f"],
  ['DuckDB', duckdbStatements, "s3://archive/o''f"],
  ['Snowflake', snowflakeStatements, "s3://archive/o\\'f"],
  ['BigQuery', bigqueryStatements, "s3://archive/o\\'f"],
])('%s gets a prefix with a quote as a literal', (_, statements, quoted) => {
  const text = statements(archiveOf(1, "s3://archive/o'f")).join('\n');
  expect(text).toContain(quoted);
  expect(text.replaceAll(quoted, '')).not.toContain("o'f");
});
