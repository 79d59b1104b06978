import { SCHEMA } from './dialects.ts';
import { quoteEscaped } from './quote.ts';
import { listDatasets, type SealedArchive } from './sealed-archive.ts';

/**
 * BigQuery Omni: external tables over S3, with the columns of the Parquet files. The connection must
 * exist, and a person fills in its Region.
 */
export function bigqueryStatements(archive: SealedArchive): string[] {
  const { url, partitions } = archive;
  const tables = listDatasets(archive).map((dataset) => {
    const uris = partitions[dataset].flatMap(({ keys }) =>
      keys.map((key) => `    ${quoteEscaped(`${url}/${key}`)}`),
    );
    const options = [
      "  format = 'PARQUET'",
      '  enable_list_inference = true',
      `  hive_partition_uri_prefix = ${quoteEscaped(`${url}/parquet/${dataset}`)}`,
      `  uris = [\n${uris.join(',\n')}\n  ]`,
    ];
    return [
      `CREATE OR REPLACE EXTERNAL TABLE \`${SCHEMA}\`.\`${dataset}\``,
      'WITH PARTITION COLUMNS (`pool_id` STRING, `snapshot` STRING)',
      `WITH CONNECTION \`aws-REGION.${SCHEMA}\``,
      `OPTIONS (\n${options.join(',\n')}\n)`,
    ].join('\n');
  });
  return [
    `CREATE SCHEMA IF NOT EXISTS \`${SCHEMA}\`\nOPTIONS (location = 'aws-REGION')`,
    ...tables,
  ];
}
