import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { test } from 'vitest';
import { filesBelow } from '../test/support/cli-mirror.ts';
import { type Figures, report } from './support/figures.ts';
import { type Lab, openLab } from './support/lab.ts';

const USERS = 500_000;

/** What an archive costs by format, beside what DuckDB takes to write the same rows by itself. */
test('archive', async () => {
  const lab = await openLab(['--users', String(USERS), '--groups', '40', '--rps', '0']);
  try {
    await report('archive', {
      'Parquet and JSON Lines': await measure(lab, 'parquet,jsonl'),
      'JSON Lines': await measure(lab, 'jsonl'),
      CSV: await measure(lab, 'csv'),
      Parquet: await measure(lab, 'parquet'),
      'DuckDB COPY, 1 thread': await copyOf(lab, 1),
      'DuckDB COPY, 2 threads': await copyOf(lab, 2),
    });
  } finally {
    await lab.close();
  }
}, 900_000);

async function measure(lab: Lab, formats: string): Promise<Figures> {
  await rm(lab.archive, { recursive: true, force: true });
  // Each archive starts empty, so Postgres must not expect the previous one.
  await lab.rows('UPDATE mirror.runs SET destination = NULL');
  const { reports, steps } = await lab.sync({ ARCHIVE_FORMATS: formats });
  const { users = 0, memberships = 0, groups = 0 } = reports[0] as unknown as Sizes;
  const { seconds, program, postgres, peakBytes } = steps.archive;
  return {
    'users/s': users / seconds,
    'rows/s, of all datasets': (users + memberships + groups) / seconds,
    'processor s, program': program,
    'processor s, Postgres': postgres,
    'peak MB': peakBytes / 1e6,
    'MB of Parquet': await megabytes(lab, 'parquet'),
    'MB of JSON Lines': await megabytes(lab, 'jsonl'),
    'MB of CSV': await megabytes(lab, 'csv'),
  };
}

interface Sizes {
  readonly users?: number;
  readonly groups?: number;
  readonly memberships?: number;
}

async function megabytes(lab: Lab, format: string): Promise<number | string> {
  const files = await filesBelow(lab.archive);
  const parts = files.filter((name) => name.startsWith(`${format}/`));
  const sizes = await Promise.all(parts.map((name) => stat(join(lab.archive, name))));
  return parts.length === 0 ? '' : sizes.reduce((sum, { size }) => sum + size, 0) / 1e6;
}

/** Loads the users of the Parquet archive into memory, and times their way back into a file alone. */
async function copyOf(lab: Lab, threads: number): Promise<Figures> {
  const instance = await DuckDBInstance.create(':memory:', { threads: String(threads) });
  const connection = await instance.connect();
  try {
    const parts = `${lab.archive}/parquet/users/**/*.parquet`;
    await connection.run(`CREATE TABLE rows AS SELECT * FROM read_parquet('${parts}')`);
    const started = performance.now();
    const { rowsChanged } = await connection.run(
      `COPY rows TO '${lab.archive}/copy.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20000)`,
    );
    const seconds = (performance.now() - started) / 1000;
    const { size } = await stat(`${lab.archive}/copy.parquet`);
    return { 'users/s': rowsChanged / seconds, 'MB of Parquet': size / 1e6 };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
