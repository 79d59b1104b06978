import { COLUMNS } from '../model/columns.ts';
import { ENGINE_TYPES, SCHEMA } from './dialects.ts';
import { quoteDoubled } from './quote.ts';
import { listDatasets, type SealedArchive } from './sealed-archive.ts';

/** Trino: external tables of the Hive connector, in the catalog `hive`. */
export function trinoStatements(archive: SealedArchive): string[] {
  const { url, partitions } = archive;
  const statements = listDatasets(archive).flatMap((dataset) => {
    const table = `hive.${SCHEMA}.${dataset}`;
    const columns = [
      ...COLUMNS[dataset].map(({ name, type }) => `  "${name}" ${ENGINE_TYPES.trino[type]}`),
      '  "pool_id" varchar',
      '  "snapshot" varchar',
    ];
    const properties = [
      "  format = 'PARQUET'",
      `  external_location = ${quoteDoubled(`${url}/parquet/${dataset}/`)}`,
      "  partitioned_by = ARRAY['pool_id', 'snapshot']",
    ];
    return [
      // The table is external: dropping it deletes no file.
      `DROP TABLE IF EXISTS ${table}`,
      `CREATE TABLE ${table} (\n${columns.join(',\n')}\n)\nWITH (\n${properties.join(',\n')}\n)`,
      ...partitions[dataset].map(
        ({ poolId, snapshot, prefix }) =>
          `CALL hive.system.register_partition('${SCHEMA}', '${dataset}', ARRAY['pool_id', 'snapshot'], ARRAY['${poolId}', '${snapshot}'], ${quoteDoubled(`${url}/${prefix}`)})`,
      ),
    ];
  });
  return [`CREATE SCHEMA IF NOT EXISTS hive.${SCHEMA}`, ...statements];
}
