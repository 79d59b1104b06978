import { test } from 'vitest';
import { report } from './support/figures.ts';
import { type Lab, openLab } from './support/lab.ts';

const USERS = 100_000;
const RUNS = 10;

/** What the snapshot of a pool costs that has not changed since the one before. */
test('unchanged', async () => {
  const lab = await openLab(['--users', String(USERS), '--groups', '40', '--rps', '0']);
  try {
    const first = await measured(lab);
    const second = await measured(lab);
    const size = await tableBytes(lab);
    for (let run = 0; run < RUNS; run += 1) await lab.sync();
    const growth = (await tableBytes(lab)) - size;
    await report('unchanged', {
      first: first.figures,
      second: {
        ...second.figures,
        'WAL, share of the first': second.walBytes / first.walBytes,
        [`MB of growth of directory.* but snapshots over ${RUNS} more`]: growth / 1e6,
      },
    });
  } finally {
    await lab.close();
  }
}, 900_000);

async function measured(lab: Lab) {
  const [written, rows] = [await lab.walBytes(), await rowsWritten(lab)];
  const run = await lab.sync();
  const walBytes = (await lab.walBytes()) - written;
  return {
    walBytes,
    figures: {
      'seconds in all': run.seconds,
      'publish: s': run.steps.publish.seconds,
      'program: processor s': run.processor.program,
      'Postgres: processor s': run.processor.postgres,
      'WAL: MB': walBytes / 1e6,
      'rows of directory.* but snapshots written': (await rowsWritten(lab)) - rows,
    },
  };
}

/** Rows inserted, updated or deleted so far, by the server's own statistics. */
async function rowsWritten(lab: Lab): Promise<number> {
  // Sessions hand their figures in when they end, within a moment.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const [row] = await lab.rows<{ rows: string }>(
    `SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) AS rows
     FROM pg_stat_user_tables WHERE schemaname = 'directory' AND relname NOT IN ('snapshots', 'pools')`,
  );
  return Number(row?.rows);
}

async function tableBytes(lab: Lab): Promise<number> {
  const [row] = await lab.rows<{ bytes: string }>(
    `SELECT sum(pg_total_relation_size(relid)) AS bytes FROM pg_stat_user_tables
     WHERE schemaname = 'directory' AND relname <> 'snapshots'`,
  );
  return Number(row?.bytes);
}
