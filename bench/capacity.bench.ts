import { test } from 'vitest';
import { report } from './support/figures.ts';
import { openLab, type SyncRun } from './support/lab.ts';

const USERS = 300_000;

/** What one machine can do when nothing limits it: the quota is lifted, and answers take no time. */
test('capacity', async () => {
  await report('capacity', {
    'users alone': await measure(['--groups', '0']),
    'with 40 groups': await measure(['--groups', '40']),
  });
}, 600_000);

async function measure(groups: readonly string[]): Promise<Record<string, number>> {
  const lab = await openLab(['--users', String(USERS), '--rps', '0', ...groups]);
  try {
    const first = await lab.sync();
    const again = await lab.sync();
    return { ...figuresOf(first, 'first'), ...figuresOf(again, 'unchanged') };
  } finally {
    await lab.close();
  }
}

function figuresOf(run: SyncRun, name: string): Record<string, number> {
  const { walk, check, publish, archive } = run.steps;
  const [report] = run.reports;
  const users = report?.users ?? 0;
  const memberships = report?.memberships ?? 0;
  const million = users / 1e6;
  const upToPublish = [walk, check, publish];
  const sum = (of: 'program' | 'postgres') => upToPublish.reduce((all, step) => all + step[of], 0);
  return {
    [`${name}: profiles/s, walk and stage`]: (users + memberships) / walk.seconds,
    [`${name}: users/s, check`]: users / check.seconds,
    [`${name}: users/s, publish`]: users / publish.seconds,
    [`${name}: users/s, archive`]: users / archive.seconds,
    [`${name}: seconds in all`]: run.seconds,
    [`${name}: processor s per million users, program, walk`]: walk.program / million,
    [`${name}: processor s per million users, program, walk to publish`]: sum('program') / million,
    [`${name}: processor s per million users, program, archive`]: archive.program / million,
    [`${name}: processor s per million users, Postgres, walk`]: walk.postgres / million,
    [`${name}: processor s per million users, Postgres, walk to publish`]:
      sum('postgres') / million,
    [`${name}: processor s per million users, Postgres, archive`]: archive.postgres / million,
    [`${name}: peak MB, walk`]: walk.peakBytes / 1e6,
    [`${name}: peak MB, archive`]: archive.peakBytes / 1e6,
  };
}
