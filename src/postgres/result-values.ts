import pg from 'pg';
import type { ResultColumn } from './read-only.ts';

const {
  BOOL,
  INT2,
  INT4,
  INT8,
  OID,
  FLOAT4,
  FLOAT8,
  NUMERIC,
  JSON: JSON_TEXT,
  JSONB,
} = pg.types.builtins;
const { TIMESTAMP, TIMESTAMPTZ } = pg.types.builtins;
const NUMBERS: readonly number[] = [INT2, INT4, INT8, OID, FLOAT4, FLOAT8, NUMERIC];

/** Arrays whose elements JSON can hold: boolean, smallint, integer, text, bigint (as text), varchar. */
const ARRAYS = [1000, 1005, 1007, 1009, 1016, 1015];

/** True for columns of numbers, which tables align to the right. */
export function isNumeric(column: ResultColumn): boolean {
  return NUMBERS.includes(column.type);
}

/** A value as text: Postgres's own, with times in ISO 8601 and booleans as words. */
export function toText(column: ResultColumn, value: string | null): string | null {
  if (value === null) return null;
  switch (column.type) {
    case BOOL:
      return value === 't' ? 'true' : 'false';
    case TIMESTAMPTZ:
      return value.replace(/^(\S+) (\S+)\+00$/, '$1T$2Z');
    case TIMESTAMP:
      return value.replace(' ', 'T');
    default:
      return value;
  }
}

/**
 * A value for a JSON document. A number that JavaScript would change (a large bigint, a long
 * numeric, NaN) is text, and so is what JSON has no type for.
 */
export function toJson(column: ResultColumn, value: string | null): unknown {
  if (value === null) return null;
  if (column.type === BOOL) return value === 't';
  if (column.type === JSON_TEXT || column.type === JSONB) return JSON.parse(value);
  if (isNumeric(column)) return isExact(value) ? Number(value) : value;
  if (ARRAYS.includes(column.type)) return pg.types.getTypeParser(column.type, 'text')(value);
  return toText(column, value);
}

function isExact(value: string): boolean {
  const number = Number(value);
  return Number.isFinite(number) && String(number) === value;
}
