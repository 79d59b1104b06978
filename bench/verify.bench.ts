import { test } from 'vitest';
import { loadKeyFile } from '../src/signature/key-file.ts';
import { makeKeyFile } from '../test/signature/support.ts';
import { runCli, startCli } from '../test/support/cli.ts';
import { temporaryFolder } from '../test/support/temp.ts';
import { type Figures, report } from './support/figures.ts';
import { randomSubs, sealGenerated } from './support/generated-archive.ts';
import { ProcessWatch } from './support/process-watch.ts';

const USERS = 1_000_000;
const SNAPSHOTS = [{ at: new Date('2026-11-20T02:00:00Z'), versionOf: () => 1 }];

/** Verifies the signed archive of a million users, as a stranger does. */
test('verify', async () => {
  await runCli(['--version']);
  const folder = await temporaryFolder();
  try {
    const signer = await loadKeyFile(makeKeyFile(folder.path).path);
    const archive = await sealGenerated(folder.path, randomSubs(USERS), SNAPSHOTS, { signer });
    await report('verify', {
      everything: await measure(archive, []),
      'a seventh': await measure(archive, ['--subset', '3/7']),
      structure: await measure(archive, ['--structure']),
    });
  } finally {
    await folder.remove();
  }
}, 1_800_000);

async function measure(archive: string, args: readonly string[]): Promise<Figures> {
  const run = await startCli(['verify', '--json', '--archive', archive, ...args]);
  const watch = new ProcessWatch(run.child.pid as number);
  const started = Date.now();
  const { code, stdout, stderr } = await run.result;
  const ended = Date.now();
  watch.stop();
  if (code !== 0) throw new Error(`verify ended with ${code}: ${stderr}${stdout.slice(0, 1000)}`);
  const [{ bytes, objects }] = JSON.parse(stdout).pools as [{ bytes: number; objects: number }];
  return {
    seconds: (ended - started) / 1000,
    'processor s': watch.cpuSeconds(started, ended),
    'peak MB': watch.peakBytes() / 1e6,
    objects,
    'MB of the archive': bytes / 1e6,
  };
}
