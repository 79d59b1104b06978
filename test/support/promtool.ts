import { spawnSync } from 'node:child_process';

const IS_INSTALLED = spawnSync('promtool', ['--version']).error === undefined;

if (!IS_INSTALLED && !process.env['CI']) {
  console.warn(
    'promtool is not installed: the alert rules are not run. On Debian: apt-get install prometheus.',
  );
}

/** True if tests with promtool are left out: it is not installed, and this is not CI. */
export const LACKS_PROMTOOL = !IS_INSTALLED && !process.env['CI'];

/** Runs Prometheus's own checker. Returns its output if it finds a problem, else null. */
export function runPromtool(...args: readonly string[]): string | null {
  const { error, status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
  if (error) throw new Error('promtool does not run. On Debian: apt-get install prometheus.');
  return status === 0 ? null : `${stdout}\n${stderr}`;
}
