import type pg from 'pg';
import { LeaseLostError, ResumableError } from '../../model/errors.ts';
import { type Queryable, rowCount, transaction } from '../connection.ts';
import { declareColumns, isKey, isRequired, writtenColumns } from './columns.ts';
import type { SnapshotLease } from './leases.ts';
import { OPEN_STATES } from './states.ts';

/**
 * Creates the tables of a stage, which hold the rows and the checkpoints. They are UNLOGGED, so staging
 * writes no WAL: a crash of Postgres empties all of them together, and the walks start again. If the
 * checkpoints survived without the rows, the stage would look like a mass removal.
 *
 * @param logged true: they are LOGGED, see `logStage`.
 */
export async function createStage(db: Queryable, stage: number, logged: boolean): Promise<void> {
  const t = stageTables(stage);
  await db.query(`
    CREATE UNLOGGED TABLE ${t.walks} (
      id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      kind text NOT NULL,
      prefix text,
      group_name text COLLATE "C",
      expected bigint,
      state text NOT NULL DEFAULT 'open',
      attempt integer NOT NULL DEFAULT 1,
      lease integer NOT NULL DEFAULT 0,
      token text,
      token_at timestamptz,
      pages integer NOT NULL DEFAULT 0,
      items bigint NOT NULL DEFAULT 0,
      failure text,
      -- For displays: when each holder took it and last committed a page, and when it started again.
      taken_at timestamptz[] NOT NULL DEFAULT '{}',
      left_at timestamptz[] NOT NULL DEFAULT '{}',
      restarted_at timestamptz[] NOT NULL DEFAULT '{}',
      waited_ms double precision NOT NULL DEFAULT 0,
      retries integer NOT NULL DEFAULT 0
    );
    CREATE UNLOGGED TABLE ${t.users} (
      walk integer NOT NULL,
      attempt integer NOT NULL,
      read_at timestamptz NOT NULL,
      hash uuid NOT NULL,
      -- The place in the queue of users whose MFA state is read, and when the service was asked.
      mfa_place integer,
      mfa_asked_at timestamptz,
      -- Content is null, attributes included, if the hash equals that of the current row.
      ${declareColumns(writtenColumns('users'), isKey)}
    );
    CREATE UNLOGGED TABLE ${t.groups} (
      walk integer NOT NULL,
      attempt integer NOT NULL,
      read_at timestamptz NOT NULL,
      ${declareColumns(writtenColumns('groups'), isRequired)}
    );
    CREATE UNLOGGED TABLE ${t.memberships} (
      walk integer NOT NULL,
      attempt integer NOT NULL,
      read_at timestamptz NOT NULL,
      ${declareColumns(writtenColumns('memberships'), isRequired)}
    );
    CREATE UNLOGGED TABLE ${t.confirmed} (
      username text COLLATE "C" PRIMARY KEY
    );
  `);
  if (logged) await logStage(db, stage);
}

/**
 * Lets a stage survive a crash of Postgres and a failover: its tables become LOGGED. What they hold is
 * written to the WAL once. Call it in a transaction, so that all of them survive or none.
 *
 * A publication of all tables would send the rows to subscribers that lack the tables, which stops their
 * replication. With such a publication, the stage becomes UNLOGGED instead.
 */
export async function logStage(db: Queryable, stage: number): Promise<void> {
  const { walks } = stageTables(stage);
  // Only a LOGGED table shows whether a publication has it.
  await db.query(`ALTER TABLE ${walks} SET LOGGED`);
  const published = await db.query(
    `SELECT FROM pg_publication_tables WHERE format('%I.%I', schemaname, tablename) = $1`,
    [walks],
  );
  const kind = rowCount(published) > 0 ? 'UNLOGGED' : 'LOGGED';
  const tables = await db.query<{ name: string }>(
    `SELECT format('mirror.%I', relname) AS name FROM pg_class
     WHERE relnamespace = 'mirror'::regnamespace AND relkind = 'r' AND relname ~ $1`,
    [`^stage_${stage}_`],
  );
  for (const { name } of tables.rows) await db.query(`ALTER TABLE ${name} SET ${kind}`);
}

/** True if a stage survives a crash of Postgres. */
export async function isStageLogged(db: Queryable, stage: number): Promise<boolean> {
  const logged = await db.query(
    `SELECT FROM pg_class WHERE oid = to_regclass($1) AND relpersistence = 'p'`,
    [stageTables(stage).walks],
  );
  return rowCount(logged) > 0;
}

/** How long dropping a stage waits for those who read it. */
const DROP_WAITS = '1s';

/** SQLSTATE of a lock that was not free in time. */
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Drops the stages of all snapshots that have ended. A program that is killed after it ends a snapshot
 * leaves such a stage. `diff` may still read one, page by page for a person: it stays until a later call.
 */
export async function dropEndedStages(pool: pg.Pool): Promise<void> {
  const ended = await pool.query<{ tables: string }>(`
    SELECT string_agg(format('mirror.%I', c.relname), ', ') AS tables
    FROM pg_class AS c
    WHERE c.relnamespace = 'mirror'::regnamespace AND c.relkind = 'r'
      AND c.relname ~ '^stage_[0-9]+_'
      AND NOT EXISTS (
        SELECT FROM mirror.runs AS r JOIN directory.snapshots AS s USING (pool_id, snapshot_at)
        WHERE s.state IN ${OPEN_STATES}
          AND r.stage = substring(c.relname FROM '^stage_([0-9]+)_')::integer
      )
    GROUP BY substring(c.relname FROM '^stage_([0-9]+)_')`);
  for (const { tables } of ended.rows) {
    try {
      await transaction(pool, async (client) => {
        await client.query(`SET LOCAL lock_timeout = '${DROP_WAITS}'`);
        await client.query(`DROP TABLE IF EXISTS ${tables}`);
      });
    } catch (error) {
      if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
    }
  }
}

/**
 * Keeps a stage's tables until the transaction ends, even if its snapshot ends before.
 *
 * @throws LeaseLostError if the stage was dropped, ResumableError if a crash of Postgres emptied it.
 */
export async function keepStage(db: Queryable, lease: SnapshotLease): Promise<void> {
  try {
    await db.query(`SELECT FROM ${Object.values(stageTables(lease.stage)).join(', ')} LIMIT 0`);
  } catch (error) {
    throw explainStageGone(error, lease);
  }
  await assertStageExists(db, lease);
}

/** The names of one stage's tables. */
export interface StageTables {
  readonly walks: string;
  readonly users: string;
  readonly groups: string;
  readonly memberships: string;
  readonly confirmed: string;
}

/** @param stage `mirror.runs.stage` */
export function stageTables(stage: number): StageTables {
  const table = (name: string) => `mirror.stage_${stage}_${name}`;
  return {
    walks: table('walks'),
    users: table('users'),
    groups: table('groups'),
    memberships: table('memberships'),
    confirmed: table('confirmed'),
  };
}

/**
 * Requires that a stage still has its walks. A crash of Postgres empties all tables of an UNLOGGED stage,
 * and an empty stage would look like a mass removal.
 *
 * @throws ResumableError if it is empty: the walks start again.
 */
export async function assertStageExists(db: Queryable, lease: SnapshotLease): Promise<void> {
  const walks = await db.query(`SELECT FROM ${stageTables(lease.stage).walks} LIMIT 1`);
  if (rowCount(walks) > 0) return;
  throw new ResumableError(
    `Postgres restarted after a crash and lost the pages read for the snapshot of ${lease.poolId}. ` +
      'Run it again: it reads them from the start.',
  );
}

/** SQLSTATE of a table that does not exist. */
const UNDEFINED_TABLE = '42P01';

/** Turns the error for a dropped stage into one that says so. Other errors stay as they are. */
export function explainStageGone(error: unknown, lease: SnapshotLease): unknown {
  const { code, message } = error as { code?: unknown; message?: string };
  if (code !== UNDEFINED_TABLE || !message?.includes(`stage_${lease.stage}_`)) return error;
  return new LeaseLostError(
    `Another process ended the snapshot of ${lease.poolId}, for example \`discard\`; this one stops.`,
  );
}

/** The rows of a query of a stage. Empty if the snapshot ended and its stage was dropped. */
export async function readStageRows<Row>(query: Promise<{ rows: Row[] }>): Promise<Row[]> {
  try {
    return (await query).rows;
  } catch (error) {
    if ((error as { code?: unknown }).code === UNDEFINED_TABLE) return [];
    throw error;
  }
}
