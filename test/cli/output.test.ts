import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';

let mirror: CliMirror;

beforeAll(async () => {
  mirror = await openCliMirror({ users: 300, groups: 6, seed: 7 });
  expect((await mirror.sync()).code).toBe(0);
});
afterAll(() => mirror.close());

describe('output on a full disk', () => {
  it.each(['exec "$@" > /dev/full 2>&1', 'exec "$@" > /dev/full', 'exec "$@" 2> /dev/full'])(
    'does not end sync (%s)',
    async (shell) => {
      const count = 'SELECT count(*)::int AS n FROM directory.snapshots WHERE state = $1';
      const [before] = await mirror.rows<{ n: number }>(count, ['archived']);
      const { code } = await mirror.run(['sync'], { LOG_LEVEL: 'debug' }, shell);
      expect(code).toBe(0);
      const [after] = await mirror.rows<{ n: number }>(count, ['archived']);
      expect(after?.n).toBe((before?.n ?? 0) + 1);
    },
  );

  it('leaves a failed sync its exit code', async () => {
    const { code } = await mirror.run(
      ['sync', 'us-east-1_Missing'],
      {},
      'exec "$@" > /dev/full 2>&1',
    );
    expect(code).toBe(2);
  });

  it.each([
    ['query', 'SELECT * FROM directory.users'],
    ['query', '--json', 'SELECT 1 AS one'],
    ['query', '--csv', 'SELECT 1 AS one'],
    ['list', 'users', 'POOL'],
    ['status'],
    ['status', '--json'],
    ['plan', 'POOL'],
    ['sync', '--json'],
  ])('fails what was asked to print: %s %s', async (...words) => {
    const args = words.map((word) => (word === 'POOL' ? mirror.poolId : word));
    const { code, stderr } = await mirror.run(args, { LOG_LEVEL: 'warn' }, 'exec "$@" > /dev/full');
    expect(stderr).toBe(
      'cognito-mirror: Standard output cannot be written (ENOSPC). ' +
        'Free space on its disk or redirect it to another place, then run the command again.\n',
    );
    expect(code).toBe(1);
  });

  it('names the limit on file sizes if that is what output exceeds', async () => {
    const shell = 'ulimit -f 1; exec "$@" > large.txt';
    const query = ['query', "SELECT repeat('x', 100000)"];
    const { code, stderr } = await mirror.run(query, {}, shell);
    expect(stderr).toBe(
      'cognito-mirror: Standard output cannot be written (EFBIG). ' +
        'Raise the limit on file sizes (`ulimit -f unlimited`), then run the command again.\n',
    );
    expect(code).toBe(1);
  });

  it('does not fail a query whose errors cannot be shown', async () => {
    const query = ['query', '--csv', 'SELECT 1 AS one'];
    expect(await mirror.run(query, {}, 'exec "$@" 2> /dev/full')).toMatchObject({
      code: 0,
      stdout: 'one\r\n1\r\n',
    });
  });
});

describe('output whose reader is gone', () => {
  it.each([
    ['verify', 'us-east-1_Missing'],
    ['diff', 'POOL', '--exit-code'],
    ['status', '--check', '--max-age', '1s', 'POOL'],
  ])('leaves the answer of %s in the exit code', async (...words) => {
    const snapshots = await mirror.rows('SELECT FROM directory.snapshots');
    if (snapshots.length < 2) await mirror.sync();
    const args = words.map((word) => (word === 'POOL' ? mirror.poolId : word));
    const shell = '{ "$@"; echo $? > code; } | true; exit $(cat code)';
    const { code, stderr } = await mirror.run(args, {}, shell);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  });

  it('ends a query, which did not fail', async () => {
    const running = await mirror.start(['query', 'SELECT * FROM generate_series(1, 1000000)']);
    running.child.stdout.once('data', () => running.child.stdout.destroy());
    const { code, stderr } = await running.result;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('leaves a failed sync its exit code', async () => {
    const running = await mirror.start(['sync', '--json', 'us-east-1_Missing']);
    running.child.stdout.destroy();
    expect((await running.result).code).toBe(2);
  });

  it('does not end sync', async () => {
    const running = await mirror.start(['sync']);
    running.child.stdout.destroy();
    running.child.stderr.destroy();
    expect((await running.result).code).toBe(0);
  });
});
