import { Client } from 'pg';
import { onTestFinished } from 'vitest';
import type { CliMirror } from './cli-mirror.ts';

/** Calls that are kept waiting for their answers. */
export interface HeldCalls {
  /** True once one waits. */
  readonly reached: () => boolean;
  /** Lets all go on, and holds no more. */
  readonly release: () => void;
}

/** Holds back every answer to an operation from its `nth` call on. */
export function holdCalls(
  { proxy }: Pick<CliMirror, 'proxy'>,
  operation: string,
  nth: number,
): HeldCalls {
  let calls = 0;
  let reached = false;
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  proxy.before = async (call) => {
    if (call.operation !== operation || ++calls < nth) return;
    reached = true;
    await held;
  };
  return {
    reached: () => reached,
    release() {
      proxy.before = () => {};
      release();
    },
  };
}

/** Keeps a lock that a statement takes until the function that it gives is called, or the test ends. */
export async function keepLock(
  { databaseUrl }: Pick<CliMirror, 'databaseUrl'>,
  sql: string,
): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: databaseUrl });
  client.on('error', () => {});
  await client.connect();
  let open = true;
  const release = async () => {
    if (open) await client.end();
    open = false;
  };
  onTestFinished(release);
  await client.query('BEGIN');
  await client.query(sql);
  return release;
}

/** A table has the same number in every database that was copied from the same template. */
const WAITING = `
  SELECT pid FROM pg_locks
  WHERE NOT granted AND relation = $1::regclass
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** How many statements wait for a lock on a table. */
export async function waitingFor(
  { rows }: Pick<CliMirror, 'rows'>,
  table: string,
): Promise<number> {
  const [row] = await rows<{ n: number }>(
    `SELECT count(*)::int AS n FROM (${WAITING}) AS waiting`,
    [table],
  );
  return row?.n ?? 0;
}

/** Cancels the statements that wait for a lock on this table. */
export async function cancelWaiting(
  { rows }: Pick<CliMirror, 'rows'>,
  table: string,
): Promise<void> {
  await rows(`SELECT pg_cancel_backend(pid) FROM (${WAITING}) AS waiting`, [table]);
}
