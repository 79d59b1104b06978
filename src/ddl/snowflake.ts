import { COLUMNS } from '../model/columns.ts';
import { ENGINE_TYPES, SCHEMA } from './dialects.ts';
import { quoteEscaped } from './quote.ts';
import { listDatasets, type SealedArchive } from './sealed-archive.ts';

/**
 * Snowflake: external tables over a stage. The storage integration of the same name, which has the
 * right to read the bucket, must exist.
 */
export function snowflakeStatements(archive: SealedArchive): string[] {
  const { url, partitions } = archive;
  const stage = `${SCHEMA}.archive`;
  const statements = listDatasets(archive).flatMap((dataset) => {
    const table = `${SCHEMA}.${dataset}`;
    const columns = [
      ...['pool_id', 'snapshot'].map(
        (name) =>
          `  ${name} VARCHAR AS (PARSE_JSON(METADATA$EXTERNAL_TABLE_PARTITION):${name.toUpperCase()}::VARCHAR)`,
      ),
      ...COLUMNS[dataset].map(({ name, type }) => {
        const ofType = ENGINE_TYPES.snowflake[type];
        return `  ${name} ${ofType} AS (value:${name}::${ofType})`;
      }),
    ];
    const create = [
      `CREATE OR REPLACE EXTERNAL TABLE ${table} (\n${columns.join(',\n')}\n)`,
      'PARTITION BY (pool_id, snapshot)',
      `LOCATION = @${stage}/parquet/${dataset}/`,
      'PARTITION_TYPE = USER_SPECIFIED',
      'FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE)',
    ];
    return [
      create.join('\n'),
      ...partitions[dataset].map(
        ({ poolId, snapshot }) =>
          `ALTER EXTERNAL TABLE ${table} ADD PARTITION (pool_id = '${poolId}', snapshot = '${snapshot}') LOCATION 'pool_id=${poolId}/snapshot=${snapshot}/'`,
      ),
    ];
  });
  return [
    `CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`,
    `CREATE OR REPLACE STAGE ${stage}\nURL = ${quoteEscaped(`${url}/`)}\nSTORAGE_INTEGRATION = ${SCHEMA}`,
    ...statements,
  ];
}
