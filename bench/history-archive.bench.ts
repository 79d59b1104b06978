import { join } from 'node:path';
import { test } from 'vitest';
import { POOL } from '../test/archive/support.ts';
import { runCli, startCli } from '../test/support/cli.ts';
import { temporaryFolder } from '../test/support/temp.ts';
import { type Figures, report } from './support/figures.ts';
import { randomSubs, sealGenerated } from './support/generated-archive.ts';
import { ProcessWatch } from './support/process-watch.ts';

const USERS = 1_000_000;

/** Every user changes with the second one, every fiftieth with the third. */
const SNAPSHOTS = [
  { at: '2026-11-20T02:00:00Z', versionOf: () => 1 },
  { at: '2026-11-21T02:00:00Z', versionOf: () => 2 },
  { at: '2026-11-22T02:00:00Z', versionOf: (index: number) => (index % 50 === 0 ? 3 : 2) },
];
const [FIRST = '', SECOND = '', THIRD = ''] = SNAPSHOTS.map(({ at }) => at);

/** What questions about the history of a million users take if they are put to an archive. */
test('history-archive', async () => {
  await runCli(['--version']);
  const folder = await temporaryFolder();
  try {
    const subs = randomSubs(USERS);
    const archive = await sealGenerated(
      folder.path,
      subs,
      SNAPSHOTS.map(({ at, versionOf }) => ({ at: new Date(at), versionOf })),
    );
    const ask = (command: readonly string[], ...args: readonly string[]) =>
      measure([...command, POOL, ...args, '--archive', archive], folder.path);
    const out = (name: string) => ['--out', join(folder.path, name)];
    await report('history-archive', {
      'diff, 2 % changed': await ask(['diff'], SECOND, THIRD, '--json'),
      'diff, all changed': await ask(['diff'], FIRST, SECOND, '--json'),
      'report, 2 % changed': await ask(
        ['report'],
        ...['--from', SECOND, '--to', THIRD],
        ...out('two.html'),
      ),
      'report, all changed': await ask(
        ['report'],
        ...['--from', FIRST, '--to', SECOND],
        ...out('all.html'),
      ),
      'review, 1,800,000 memberships': await ask(['access-review', 'export'], ...out('review.csv')),
      'history, one user': await ask(['history'], subs[USERS / 2] as string),
      'access, one group': await ask(['access'], 'group-05', '--json'),
    });
  } finally {
    await folder.remove();
  }
}, 1_800_000);

async function measure(args: readonly string[], cwd: string): Promise<Figures> {
  const { child, result } = await startCli(args, { cwd });
  const watch = new ProcessWatch(child.pid as number);
  const started = Date.now();
  const { code, stdout, stderr } = await result;
  const ended = Date.now();
  watch.stop();
  if (code !== 0) throw new Error(`${args[0]} ended with ${code}: ${stderr}`);
  return {
    seconds: (ended - started) / 1000,
    'processor s': watch.cpuSeconds(started, ended),
    'peak MB': watch.peakBytes() / 1e6,
    'MB printed': stdout.length / 1e6,
  };
}
