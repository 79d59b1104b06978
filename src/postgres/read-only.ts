import pg from 'pg';
import Cursor from 'pg-cursor';
import { formatCommand } from '../common/command.ts';
import { ActionRequiredError, NoMirrorError, ResumableError } from '../model/errors.ts';
import type { Database } from './database.ts';
import { readOnly, STATEMENT } from './session/read-only.ts';

/** One column of a result; `type` is the OID in `pg_type`. */
export interface ResultColumn {
  readonly name: string;
  readonly type: number;
}

/** One row: each value in Postgres's own text form. */
export type TextRow = readonly (string | null)[];

const BATCH = 1_000;

/**
 * SQLSTATE classes for errors in the query itself: syntax, names, values, writing, and errors that our
 * own functions raise (P0001).
 */
const QUERY_AT_FAULT = /^(0A|21|22|25006|2B|34|3F|42|P0001)/;
const NO_SUCH_TABLE_OR_SCHEMA = ['42P01', '3F000'];
const READ_ONLY_TRANSACTION = '25006';

/**
 * Runs a person's statement in a read-only transaction. Rows come in batches on demand, so memory does not
 * grow with the result. Time stamps are in UTC. Schema `directory` precedes the role's own search path.
 *
 * @param use gets the columns and the batches, which are valid until it ends
 * @throws ActionRequiredError if the statement is wrong, with Postgres's message
 */
export async function queryReadOnly(
  { url, place }: Pick<Database, 'url' | 'place'>,
  sql: string,
  use: (columns: readonly ResultColumn[], batches: AsyncIterable<TextRow[]>) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  if (sql.trim() === '') throw atFault('the statement is empty.', 'Give one, in quotes.');
  if (sql.trimStart().startsWith('\\')) {
    throw atFault(
      'a command of psql is not SQL.',
      'Give a statement, or use psql with the URL that `cognito-mirror db` prints.',
    );
  }
  const run = async (client: pg.Client) => {
    try {
      await findDirectoryFirst(client);
      // The extended protocol, which refuses more than one statement.
      const cursor = client.query(new ResultCursor(sql));
      const first = await readBatch(cursor);
      await use(first.columns, batchesFrom(cursor, first.rows));
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      throw await explainQueryError(client, sql, error, place);
    }
  };
  await readOnly(url, STATEMENT, run, signal);
}

/**
 * Puts schema `directory` before the role's own search path. It uses commands only, because a schema of
 * that path may have functions and operators that would replace those in a query.
 */
async function findDirectoryFirst(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ search_path: string }>('SHOW search_path');
  const own = rows[0]?.search_path || null;
  await client.query(`SET LOCAL search_path TO directory${own === null ? '' : `, ${own}`}`);
}

/** A cursor over rows of text. It detects COPY, whose data are not rows. */
class ResultCursor extends Cursor<TextRow> {
  copies = false;

  constructor(sql: string) {
    super(sql, [], { rowMode: 'array', types: { getTypeParser: () => (text: string) => text } });
  }

  handleCopyData(): void {
    this.copies = true;
  }

  handleCopyInResponse(connection: { sendCopyFail(reason: string): void }): void {
    this.copies = true;
    connection.sendCopyFail('COPY is not for here');
  }
}

async function* batchesFrom(cursor: ResultCursor, first: TextRow[]): AsyncIterable<TextRow[]> {
  for (let rows = first; rows.length > 0; rows = (await readBatch(cursor)).rows) yield rows;
}

function readBatch(cursor: ResultCursor): Promise<{ rows: TextRow[]; columns: ResultColumn[] }> {
  return new Promise((resolve, reject) => {
    cursor.read(BATCH, (error, rows, result) => {
      if (cursor.copies) {
        return reject(
          atFault(
            'COPY cannot be run here.',
            `Use SELECT with --csv, or psql with the URL that \`${formatCommand(['db'])}\` prints.`,
          ),
        );
      }
      if (error) return reject(error);
      // At the end of a cursor the result is undefined, although the types say otherwise.
      const fields = (result as pg.QueryArrayResult | undefined)?.fields ?? [];
      const columns = fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID }));
      resolve({ rows, columns });
    });
  });
}

function atFault(problem: string, remedy: string, cause?: unknown): ActionRequiredError {
  return ActionRequiredError.of('query', problem, remedy, { cause });
}

async function explainQueryError(
  client: pg.Client,
  sql: string,
  error: pg.DatabaseError,
  place: string,
): Promise<Error> {
  const code = error.code ?? '';
  if (!QUERY_AT_FAULT.test(code)) {
    return new ResumableError(`The query failed: ${error.message}.`, { cause: error });
  }
  if (NO_SUCH_TABLE_OR_SCHEMA.includes(code) && !(await isMirror(client))) {
    return new NoMirrorError(place);
  }
  const problem = `${error.message.replace(/\.$/, '')}${formatPosition(sql, error.position)}.`;
  const remedy = code === READ_ONLY_TRANSACTION ? 'It only reads: use SELECT.' : undefined;
  return atFault(problem, remedy ?? error.hint ?? 'Correct the statement.', error);
}

async function isMirror(client: pg.Client): Promise<boolean> {
  await client.query('ROLLBACK');
  const { rows } = await client.query<{ present: boolean }>(
    `SELECT to_regnamespace('directory') IS NOT NULL AS present`,
  );
  return rows[0]?.present === true;
}

/** The position of the error in the statement. Postgres counts characters from 1. */
function formatPosition(sql: string, position: string | undefined): string {
  if (position === undefined) return '';
  const before = Array.from(sql)
    .slice(0, Number(position) - 1)
    .join('');
  const lines = before.split('\n');
  return ` (line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1})`;
}

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
 * numeric, NaN) is text, and so is every type that JSON lacks.
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
