import { COLUMNS } from '../model/columns.ts';
import type { ArchivedDataset } from '../model/snapshot.ts';
import { ENGINE_TYPES, SCHEMA } from './dialects.ts';
import { quoteEscaped } from './quote.ts';
import { listDatasets, type Partition, type SealedArchive } from './sealed-archive.ts';

/** Partitions of one statement. Athena takes statements of up to 256 kB. */
const BATCH = 100;

/** Athena: external tables, with partitions that are listed or computed. */
export function athenaStatements(archive: SealedArchive, projection: boolean): string[] {
  const statements = listDatasets(archive).flatMap((dataset) => {
    const create = [
      `CREATE EXTERNAL TABLE ${tableName(dataset)} (\n${columnLines(dataset)}\n)`,
      'PARTITIONED BY (`pool_id` string, `snapshot` string)',
      'STORED AS PARQUET',
      `LOCATION ${quoteEscaped(`${archive.url}/parquet/${dataset}/`)}`,
      ...(projection ? [projectionProperties(archive, dataset)] : []),
    ];
    return [
      dropTable(dataset),
      create.join('\n'),
      ...(projection ? [] : addPartitions(archive.url, dataset, archive.partitions[dataset])),
    ];
  });
  return [createSchema('DATABASE'), ...statements];
}

/** Spark: external tables whose partitions the metastore has. Hadoop reads S3 as `s3a`. */
export function sparkStatements(archive: SealedArchive): string[] {
  const { url, partitions } = archive;
  const base = url.replace(/^s3:/, 's3a:');
  const statements = listDatasets(archive).flatMap((dataset) => [
    dropTable(dataset),
    [
      `CREATE TABLE ${tableName(dataset)} (\n${columnLines(dataset)},\n  \`pool_id\` string,\n  \`snapshot\` string\n)`,
      'USING parquet',
      'PARTITIONED BY (`pool_id`, `snapshot`)',
      `LOCATION ${quoteEscaped(`${base}/parquet/${dataset}/`)}`,
    ].join('\n'),
    ...addPartitions(base, dataset, partitions[dataset]),
  ]);
  return [createSchema('SCHEMA'), ...statements];
}

const tableName = (dataset: ArchivedDataset) => `\`${SCHEMA}\`.\`${dataset}\``;

const createSchema = (kind: 'DATABASE' | 'SCHEMA') => `CREATE ${kind} IF NOT EXISTS \`${SCHEMA}\``;

/** The tables are external: dropping one deletes no file. */
const dropTable = (dataset: ArchivedDataset) => `DROP TABLE IF EXISTS ${tableName(dataset)}`;

function columnLines(dataset: ArchivedDataset): string {
  return COLUMNS[dataset]
    .map(({ name, type }) => `  \`${name}\` ${ENGINE_TYPES.hive[type]}`)
    .join(',\n');
}

function addPartitions(
  base: string,
  dataset: ArchivedDataset,
  partitions: readonly Partition[],
): string[] {
  const batches = Array.from({ length: Math.ceil(partitions.length / BATCH) }, (_, index) =>
    partitions.slice(index * BATCH, (index + 1) * BATCH),
  );
  return batches.map((batch) => {
    const lines = batch.map(
      ({ poolId, snapshot, prefix }) =>
        `  PARTITION (\`pool_id\` = '${poolId}', \`snapshot\` = '${snapshot}') LOCATION ${quoteEscaped(`${base}/${prefix}`)}`,
    );
    return `ALTER TABLE ${tableName(dataset)} ADD IF NOT EXISTS\n${lines.join('\n')}`;
  });
}

/** Athena then computes the partitions from these values, and asks no catalog. */
function projectionProperties(
  { url, partitions }: SealedArchive,
  dataset: ArchivedDataset,
): string {
  const values = (name: 'poolId' | 'snapshot') =>
    [...new Set(partitions[dataset].map((partition) => partition[name]))].sort().join(',');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Athena fills in these names.
  const folder = 'pool_id=${pool_id}/snapshot=${snapshot}/';
  const properties = {
    'projection.enabled': 'true',
    'projection.pool_id.type': 'enum',
    'projection.pool_id.values': values('poolId'),
    'projection.snapshot.type': 'enum',
    'projection.snapshot.values': values('snapshot'),
    'storage.location.template': `${url}/parquet/${dataset}/${folder}`,
  };
  const lines = Object.entries(properties).map(
    ([name, value]) => `  '${name}' = ${quoteEscaped(value)}`,
  );
  return `TBLPROPERTIES (\n${lines.join(',\n')}\n)`;
}
