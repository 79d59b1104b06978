import pg from 'pg';
import Cursor from 'pg-cursor';
import { ActionRequiredError, NoMirrorError } from '../../model/errors.ts';
import type { Queryable } from '../connection.ts';
import type { Database } from '../database.ts';
import type { SessionClient } from '../session/client.ts';
import { QUESTION, readOnly } from '../session/read-only.ts';

/** Asks a question about the history: statements that see one state of the database. */
export interface Asking {
  readonly poolId: string;
  /** Runs one statement. */
  readonly db: Queryable;
  /** Gives the rows of one statement in batches, so that memory does not grow with the result. */
  stream<Row>(sql: string, values: readonly unknown[]): AsyncIterable<Row[]>;
}

const BATCH = 500;

/** SQLSTATE of an error that our own functions raise. */
const RAISED = 'P0001';

/**
 * Runs `work` in one read-only transaction. It needs no right but to read schema `directory`.
 *
 * @throws NoMirrorError if the database has no mirror
 * @throws ActionRequiredError if a function of the mirror refuses, such as `history_reaches`
 */
export function ask<T>(
  { url, place }: Pick<Database, 'url' | 'place'>,
  poolId: string,
  work: (asking: Asking) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const run = async (client: SessionClient) => {
    const { rows } = await client.query<{ exists: boolean }>(
      `SELECT to_regnamespace('directory') IS NOT NULL AS exists`,
    );
    if (!rows[0]?.exists) throw new NoMirrorError(place);
    return answerFrom(client, poolId, work, signal);
  };
  return readOnly(url, QUESTION, run, signal);
}

/**
 * The same on a connection of a pool, for questions that are asked often and answered quickly.
 *
 * @param timeoutMs the longest that one statement may take
 */
export async function askPool<T>(
  db: pg.Pool,
  poolId: string,
  work: (asking: Asking) => Promise<T>,
  timeoutMs: number,
): Promise<T> {
  const client = await db.connect();
  let broken: Error | undefined;
  try {
    await client.query(
      `${QUESTION.begin}; SET LOCAL row_security = on; SET LOCAL statement_timeout = ${timeoutMs}`,
    );
    return await answerFrom(client, poolId, work, NEVER);
  } finally {
    await client.query('ROLLBACK').catch((error: Error) => {
      broken = error;
    });
    client.release(broken);
  }
}

const NEVER = new AbortController().signal;

async function answerFrom<T>(
  client: pg.ClientBase,
  poolId: string,
  work: (asking: Asking) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const stream = async function* <Row>(sql: string, values: readonly unknown[]) {
    const cursor = client.query(new Cursor<Row>(sql, [...values]));
    let next = cursor.read(BATCH);
    for (;;) {
      signal.throwIfAborted();
      const batch = await next;
      if (batch.length === 0) return;
      // Postgres prepares the next batch while this one is used, which may be the last.
      next = cursor.read(BATCH);
      next.catch(() => {});
      yield batch;
    }
  };
  try {
    return await work({ poolId, db: client, stream });
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== RAISED) throw error;
    throw new ActionRequiredError(
      [{ subject: poolId, problem: error.message, remedy: error.hint ?? '' }],
      { cause: error },
    );
  }
}
