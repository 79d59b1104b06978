import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startSimulator } from '../../src/simulator/server.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

test('the program in docs/SIMULATOR.md lists every user of a pool', async () => {
  const text = readFileSync(`${ROOT}docs/SIMULATOR.md`, 'utf8');
  const [, sample = ''] = /^```js\n([\s\S]*?)^```$/m.exec(text) ?? [];
  const simulator = await startSimulator({ rps: 0, users: 130, groups: 0 });
  try {
    const script = sample.replaceAll('http://127.0.0.1:4567', simulator.url);
    expect(script).not.toBe(sample);
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'] },
    });
    const sizes = stdout.trim().split('\n').map(Number);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(130);
  } finally {
    await simulator.close();
  }
});
