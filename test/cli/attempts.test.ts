import { afterEach, beforeEach, expect, it } from 'vitest';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';

let mirror: CliMirror;

beforeEach(async () => {
  mirror = await openCliMirror({ users: 90, groups: 3 });
});
afterEach(() => mirror.close());

/** The lines of the log that say how a run ended. */
function outcomesIn(stderr: string): Record<string, unknown>[] {
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg.startsWith('snapshot '));
}

/** What `status` shows of the only pool. */
async function poolStatus() {
  const { code, stdout } = await mirror.run(['status', '--json']);
  expect(code).toBe(0);
  const { pools } = JSON.parse(stdout);
  expect(pools).toHaveLength(1);
  return pools[0];
}

it('shows a night that failed before it began a snapshot, with the reason', async () => {
  await mirror.sync();
  const archived = await poolStatus();
  expect(archived).toMatchObject({
    poolId: mirror.poolId,
    newest: { state: 'archived', ageSeconds: expect.any(Number) },
    lastAttempt: { outcome: 'archived', reason: null },
  });
  expect(archived.lastAttempt.snapshot).toBe(archived.newest.snapshot);

  const away = await mirror.run(['sync'], { ARCHIVE_URL: 'file:///dev/null/archive' });
  expect(away.code).toBe(2);
  expect(outcomesIn(away.stderr)).toMatchObject([
    {
      msg: 'snapshot failed',
      poolId: mirror.poolId,
      snapshot: null,
      reason: expect.stringContaining('the folder /dev/null/archive cannot be written'),
    },
  ]);
  expect(await poolStatus()).toMatchObject({
    newest: { snapshot: archived.newest.snapshot },
    lastAttempt: {
      outcome: 'failed',
      snapshot: null,
      reason: expect.stringContaining('the folder /dev/null/archive cannot be written'),
    },
  });
  const { stdout } = await mirror.run(['status']);
  expect(stdout).toMatch(/^ {2}newest published: \d{8}T\d{6}Z, \d+ (s|min) ago$/m);
  expect(stdout).toMatch(
    /^ {2}last attempt: failed \d+ s ago, no snapshot was started: ARCHIVE_URL: the folder/m,
  );
});

it('shows credentials that have expired, in our own words', async () => {
  await mirror.sync();
  mirror.proxy.before = () => ({
    __type: 'ExpiredTokenException',
    message: 'The security token ABC is expired',
  });
  const { code, reports } = await mirror.sync();
  expect([code, reports[0]?.snapshot]).toEqual([2, null]);
  const { lastAttempt: expired } = await poolStatus();
  expect(expired).toMatchObject({ outcome: 'failed', snapshot: null });
  expect(expired.reason).toBe(reports[0]?.reason);
  expect(expired.reason).not.toContain('ABC');
});

it('shows credentials that cannot list the pools of the account, for each pool of before', async () => {
  await mirror.sync();
  mirror.proxy.before = () => ({
    __type: 'ExpiredTokenException',
    message: 'The security token is expired',
  });
  const env = { COGNITO_POOLS: 'all', AWS_REGION: 'us-east-1' };
  const { code, stderr } = await mirror.sync([], env);
  expect(code).toBe(2);
  expect(outcomesIn(stderr)).toMatchObject([{ msg: 'snapshot failed', poolId: mirror.poolId }]);
  expect((await poolStatus()).lastAttempt).toMatchObject({ outcome: 'failed', snapshot: null });
});

it('shows how the last attempt ended: one that was held, and one that was interrupted', async () => {
  mirror.pool.estimatedUsers = 5_000;
  await mirror.sync();
  expect((await poolStatus()).lastAttempt).toMatchObject({
    outcome: 'held',
    reason: expect.stringContaining('the service estimates'),
  });

  let reading = false;
  mirror.proxy.before = async ({ operation }) => {
    if (operation !== 'ListUsers') return;
    reading = true;
    await new Promise(() => {});
  };
  const running = await mirror.start(['sync']);
  await expect.poll(() => reading).toBe(true);
  running.child.kill('SIGINT');
  const { code, stdout } = await running.result;
  expect(code).toBe(130);
  expect(stdout).toMatch(/snapshot \d{8}T\d{6}Z: interrupted, walking\n/);
  expect((await poolStatus()).lastAttempt).toMatchObject({ outcome: 'interrupted', reason: null });
});
