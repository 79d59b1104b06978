import { LeaseLostError, ResumableError } from '../../model/errors.ts';
import { type Queryable, rowCount } from '../connection.ts';
import { declareColumns, isKey, isRequired, writtenColumns } from './columns.ts';
import type { SnapshotLease } from './leases.ts';
import { OPEN_STATES } from './states.ts';

/**
 * Creates the tables of a stage. They are UNLOGGED, so that staging writes no WAL, and they hold
 * the checkpoints as well as the rows: a crash of Postgres empties all of them together, and the
 * walks start again. Checkpoints that outlived their rows would read as a mass removal.
 */
export async function createStage(db: Queryable, stage: number): Promise<void> {
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
      failure text
    );
    CREATE UNLOGGED TABLE ${t.users} (
      walk integer NOT NULL,
      attempt integer NOT NULL,
      read_at timestamptz NOT NULL,
      hash uuid NOT NULL,
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
}

/**
 * Drops the tables of every stage that is needed no longer: those of snapshots that are neither
 * walking nor held. A program that was killed between an end and its clean-up leaves such tables.
 */
export async function dropEndedStages(db: Queryable): Promise<void> {
  const ended = await db.query<{ tables: string | null }>(`
    SELECT string_agg(format('mirror.%I', c.relname), ', ') AS tables
    FROM pg_class AS c
    WHERE c.relnamespace = 'mirror'::regnamespace AND c.relkind = 'r'
      AND c.relname ~ '^stage_[0-9]+_'
      AND NOT EXISTS (
        SELECT FROM mirror.snapshot_leases AS r JOIN directory.snapshots AS s USING (pool_id, snapshot_at)
        WHERE s.state IN ${OPEN_STATES}
          AND r.stage = substring(c.relname FROM '^stage_([0-9]+)_')::integer
      )`);
  const tables = ended.rows[0]?.tables;
  if (tables) await db.query(`DROP TABLE IF EXISTS ${tables}`);
}

/** The names of one stage's tables. */
export interface StageTables {
  readonly walks: string;
  readonly users: string;
  readonly groups: string;
  readonly memberships: string;
  readonly confirmed: string;
}

/** The tables of the stage with this number (`mirror.snapshot_leases.stage`). */
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
 * Requires that a stage still holds its walks. A crash of Postgres empties its UNLOGGED tables, all
 * of them together, and an empty stage would read as a mass removal.
 *
 * @throws ResumableError where it is empty: the walks start again.
 */
export async function assertStageExists(db: Queryable, lease: SnapshotLease): Promise<void> {
  const walks = await db.query(`SELECT FROM ${stageTables(lease.stage).walks} LIMIT 1`);
  if (rowCount(walks) > 0) return;
  throw new ResumableError(
    `What the snapshot of ${lease.poolId} had read is gone, as Postgres was restarted after a crash. ` +
      'Run it again; its walks start anew.',
  );
}

/** SQLSTATE of a table that is not there. */
const UNDEFINED_TABLE = '42P01';

/** What an error means whose cause is that the snapshot was ended, and its stage dropped. */
export function explainStageGone(error: unknown, lease: SnapshotLease): unknown {
  const { code, message } = error as { code?: unknown; message?: string };
  if (code !== UNDEFINED_TABLE || !message?.includes(`stage_${lease.stage}_`)) return error;
  return new LeaseLostError(
    `The snapshot of ${lease.poolId} was ended by another process, such as \`discard\`; this one stops.`,
  );
}

/** The rows of a query; none where the snapshot was ended, and the stage dropped, since its look-up. */
export async function readStageRows<Row>(query: Promise<{ rows: Row[] }>): Promise<Row[]> {
  try {
    return (await query).rows;
  } catch (error) {
    if ((error as { code?: unknown }).code === UNDEFINED_TABLE) return [];
    throw error;
  }
}
