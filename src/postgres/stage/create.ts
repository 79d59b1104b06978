import type { Queryable } from '../connection.ts';
import { stageTables } from '../stage-tables.ts';

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
      claim integer NOT NULL DEFAULT 0,
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
      username text COLLATE "C" NOT NULL,
      sub text COLLATE "C",
      modified_at timestamptz,
      hash uuid NOT NULL,
      -- The rest is null, attributes included, where the hash is that of the current row.
      status text,
      enabled boolean,
      created_at timestamptz,
      attributes jsonb,
      mfa_options jsonb,
      escaped text[]
    );
    CREATE UNLOGGED TABLE ${t.groups} (
      walk integer NOT NULL,
      attempt integer NOT NULL,
      read_at timestamptz NOT NULL,
      group_name text COLLATE "C" NOT NULL,
      description text,
      role_arn text,
      precedence integer,
      created_at timestamptz,
      modified_at timestamptz,
      escaped text[] NOT NULL
    );
    CREATE UNLOGGED TABLE ${t.memberships} (
      walk integer NOT NULL,
      attempt integer NOT NULL,
      read_at timestamptz NOT NULL,
      group_name text COLLATE "C" NOT NULL,
      username text COLLATE "C" NOT NULL,
      sub text COLLATE "C"
    );
    CREATE UNLOGGED TABLE ${t.alive} (
      username text COLLATE "C" PRIMARY KEY
    );
  `);
}
