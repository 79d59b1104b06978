import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { beforeAll, expect, test } from 'vitest';
import { ensureBuilt } from '../../scripts/lib/build.mjs';

beforeAll(() => ensureBuilt());

/** A program whose work meets a fault, says so, and does not stop. */
const FAULTY = `
  import { withSignals } from '${new URL('../../dist/cli/signals.js', import.meta.url).href}';
  await withSignals((signal) => {
    signal.addEventListener('abort', () => setTimeout(() => console.log('aborted'), 600));
    setTimeout(() => { throw new Error('a fault of ours'); });
    return new Promise(() => {});
  });
`;

function startFaulty() {
  const child = spawn(process.execPath, ['--input-type=module', '-e', FAULTY]);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => ({ code, stderr }));
  return { child, ended };
}

test.each(['SIGTERM', 'SIGINT'] as const)('a fault is reported before %s ends', async (signal) => {
  const { child, ended } = startFaulty();
  await once(child.stdout, 'data');
  child.kill(signal);
  const { code, stderr } = await ended;
  expect(stderr).toMatch(/^cognito-mirror: Error: a fault of ours$/m);
  expect(code).toBe(1);
});

test('a fault is reported if the work does not stop', async () => {
  const { code, stderr } = await startFaulty().ended;
  expect(stderr).toMatch(/^cognito-mirror: Error: a fault of ours$/m);
  expect(stderr).not.toContain('Interrupted');
  expect(code).toBe(1);
});
