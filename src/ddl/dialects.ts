import type { COLUMN_TYPES } from '../model/columns.ts';

/** The engines that `ddl` writes statements for. */
export const DDL_DIALECTS = [
  'athena',
  'spark',
  'trino',
  'duckdb',
  'snowflake',
  'bigquery',
] as const;

/** One of these engines. */
export type DdlDialect = (typeof DDL_DIALECTS)[number];

/** The schema, or database, in which every engine gets a table for each dataset. */
export const SCHEMA = 'cognito_archive';

type ColumnType = keyof typeof COLUMN_TYPES;

/**
 * The types of the archive's columns by engine, where a table declares them. DuckDB and BigQuery take
 * them from the Parquet files. Snowflake reads a map of Parquet as an object.
 */
export const ENGINE_TYPES = {
  hive: {
    id: 'string',
    text: 'string',
    boolean: 'boolean',
    integer: 'int',
    time: 'timestamp',
    'text map': 'map<string, string>',
    'text list': 'array<string>',
    json: 'string',
    object: 'string',
  },
  trino: {
    id: 'varchar',
    text: 'varchar',
    boolean: 'boolean',
    integer: 'integer',
    time: 'timestamp(3)',
    'text map': 'map(varchar, varchar)',
    'text list': 'array(varchar)',
    json: 'varchar',
    object: 'varchar',
  },
  snowflake: {
    id: 'VARCHAR',
    text: 'VARCHAR',
    boolean: 'BOOLEAN',
    integer: 'INTEGER',
    time: 'TIMESTAMP_LTZ',
    'text map': 'VARIANT',
    'text list': 'ARRAY',
    json: 'VARCHAR',
    object: 'VARCHAR',
  },
} as const satisfies Readonly<Record<string, Readonly<Record<ColumnType, string>>>>;
