import { fileURLToPath } from 'node:url';
import { columnsOf } from '../model/columns.ts';
import { SCHEMA } from './dialects.ts';
import { quoteDoubled } from './quote.ts';
import { listDatasets, type SealedArchive } from './sealed-archive.ts';

/** DuckDB: views over the parts that the manifests name. */
export function duckdbStatements(archive: SealedArchive): string[] {
  const { url, partitions } = archive;
  const base = url.startsWith('file:') ? fileURLToPath(url) : url;
  const views = listDatasets(archive).map((dataset) => {
    const versions = [...new Set(partitions[dataset].map(({ version }) => version))];
    const [fewest, most] = [
      columnsOf(dataset, Math.min(...versions)),
      columnsOf(dataset, Math.max(...versions)),
    ];
    const columns = ['pool_id', 'snapshot', ...most.map(({ name }) => name)];
    // It opens every file, so it is for parts that differ.
    const union = fewest.length < most.length ? ',\n  union_by_name = true' : '';
    const files = partitions[dataset].flatMap(({ keys }) =>
      keys.map((key) => `    ${quoteDoubled(`${base}/${key}`)}`),
    );
    const list = columns.map((name) => `"${name}"`).join(', ');
    return `CREATE OR REPLACE VIEW ${SCHEMA}.${dataset} AS\nSELECT ${list}\nFROM read_parquet(\n  [\n${files.join(',\n')}\n  ],\n  hive_partitioning = true,\n  hive_types = {'pool_id': VARCHAR, 'snapshot': VARCHAR}${union}\n)`;
  });
  return [`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`, ...views];
}
