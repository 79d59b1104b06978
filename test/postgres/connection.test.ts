import type pg from 'pg';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { InterruptedError } from '../../src/model/errors.ts';
import { transaction } from '../../src/postgres/connection.ts';
import { withoutRows } from '../../src/postgres/database-error.ts';
import { databaseForEach, runSql } from '../support/postgres.ts';

let db: pg.Pool;
let url: string;
databaseForEach(2, (made) => {
  ({ db, url } = made);
});

const ENDLESS = 'SELECT pg_sleep(600)';
const end = (condition: string) =>
  runSql(
    url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND ${condition}`,
  );
const until = async (condition: string) => {
  for (;;) {
    const { rows } = await db.query(`SELECT FROM pg_stat_activity WHERE ${condition}`);
    if (rows.length > 0) return;
  }
};

describe('a transaction', () => {
  it('rejects, and ends nothing else, if its connection is cut in a statement', async () => {
    const running = transaction(db, (client) => client.query(ENDLESS)).catch((error) => error);
    await until(`query = '${ENDLESS}'`);
    await end(`query = '${ENDLESS}'`);
    expect(withoutRows(await running).message).toMatch(/Run it again to resume/);
    expect((await db.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('rejects if its connection is cut between two statements', async () => {
    const running = transaction(db, async (client) => {
      await end('true');
      await client.query('SELECT 1');
    });
    await expect(running).rejects.toThrow();
    expect((await db.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('is cancelled by its signal, even if every connection is taken', async () => {
    const stop = new AbortController();
    const running = [1, 2].map(() =>
      transaction(db, (client) => client.query(ENDLESS), stop.signal).catch((error) => error),
    );
    const { count } = await waitForTwo();
    expect(count).toBe(2);
    const reason = new InterruptedError();
    stop.abort(reason);
    expect(await Promise.all(running)).toEqual([reason, reason]);
  });

  it('is cancelled even if the signal comes between two statements', async () => {
    const stop = new AbortController();
    const reason = new InterruptedError();
    const running = transaction(
      db,
      async (client) => {
        await client.query('SELECT 1');
        stop.abort(reason);
        await new Promise((resolve) => setTimeout(resolve, 100));
        await client.query(ENDLESS);
      },
      stop.signal,
    );
    await expect(running).rejects.toBe(reason);
  });
});

async function waitForTwo(): Promise<{ count: number }> {
  for (;;) {
    const rows = await runSql(
      url,
      `SELECT count(*)::integer AS count FROM pg_stat_activity WHERE query = '${ENDLESS}'`,
    );
    const [row] = rows as { count: number }[];
    if (row?.count === 2) return row;
  }
}

describe('a connection that is used all the time', () => {
  it('is replaced after some minutes, with all that is prepared in it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const asked = async (name: string) => {
      const text =
        'SELECT pg_backend_pid() AS pid, (SELECT count(*) FROM pg_prepared_statements) AS n';
      return (await db.query({ name, text })).rows[0] as { pid: number; n: number };
    };
    const first = await asked('snapshot-0');
    let last = first;
    for (let seconds = 0; seconds < 600; seconds += 5) {
      await vi.advanceTimersByTimeAsync(5_000);
      last = await asked(`snapshot-${seconds}`);
    }
    expect(last.pid).not.toBe(first.pid);
    expect(last.n).toBeLessThan(100);
  });
});

describe('an error of Postgres', () => {
  it('is reported without the row that it quotes', async () => {
    const quoting = async (sql: string) => {
      const error = await db.query(sql).catch((failure) => failure);
      return withoutRows(error).message;
    };
    await db.query(`INSERT INTO mirror.history_floors VALUES ('jane@example.com', now())`);
    const again = `INSERT INTO mirror.history_floors VALUES ('jane@example.com', now())`;
    expect(await quoting(again)).toMatch(/history_floors.*SQLSTATE 23505/);
    expect(await quoting(again)).not.toContain('jane');
    expect(await quoting(`SELECT 'jane@example.com'::integer`)).not.toContain('jane');
  });
});
