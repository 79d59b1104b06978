import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hint } from '../support/cli.ts';
import { type CliMirror, openCliMirror, reportsOf } from '../support/cli-mirror.ts';

describe('a snapshot that looks wrong', () => {
  let mirror: CliMirror;
  /** What `sync` printed of it. */
  let printed: string;
  /** Its name, as the commands take it. */
  let held: string;

  beforeEach(async () => {
    mirror = await openCliMirror({ users: 90, groups: 4 });
    // A first snapshot that is far below the estimate is held.
    mirror.pool.estimatedUsers = 5_000;
    const { code, stdout } = await mirror.run(['sync']);
    expect(code).toBe(3);
    printed = stdout;
    const [row] = await mirror.rows<{ snapshot: string }>(
      'SELECT snapshot FROM directory.snapshots',
    );
    held = `${mirror.poolId}/${row?.snapshot}`;
  });
  afterEach(() => mirror.close());

  const states = async () =>
    (await mirror.rows('SELECT state FROM directory.snapshots ORDER BY snapshot_at')).map(
      (row) => row['state'],
    );
  const lastAttempt = async () => {
    const { stdout } = await mirror.run(['status', '--json']);
    return JSON.parse(stdout).pools[0].lastAttempt;
  };
  const users = async () => (await mirror.rows('SELECT FROM directory.users')).length;

  it('is held by sync, which says why and names the commands that explain and decide', async () => {
    expect(printed).toContain('held: 90 users were read, but the service estimates 5,000.');
    const command = hint(['diff', mirror.poolId, 'latest', 'held'], mirror.env);
    expect(printed).toContain(command);
    const { stdout } = await mirror.run([], {}, command);
    expect(stdout).toContain(`${mirror.poolId}  (nothing) → ${held.split('/')[1]}\n`);
    expect(stdout).toContain('users: 90 added, 0 removed, 0 modified, 0 replaced\n');
    expect(printed).toContain(hint(['release', held], mirror.env));
    expect(printed).toContain(hint(['discard', held], mirror.env));
    expect(await users()).toBe(0);
    const again = await mirror.sync();
    expect(again).toMatchObject({
      code: 3,
      reports: [{ state: 'held', reason: expect.stringContaining('90 users'), archive: null }],
    });
    expect(await states()).toEqual(['discarded', 'held']);
  });

  it('is published and archived by release, without a call to the service', async () => {
    const before = mirror.simulator.attempts.total;
    const { code, stdout, stderr } = await mirror.run(['release', held]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/: archived\n {2}90 users, 4 groups/);
    expect(await states()).toEqual(['archived']);
    expect(await users()).toBe(90);
    expect(mirror.simulator.attempts.total).toBe(before);
    expect(await lastAttempt()).toMatchObject({
      outcome: 'archived',
      snapshot: held.split('/')[1],
      reason: null,
    });
  });

  it('is published by release even if its archive fails, as status shows', async () => {
    // A file where the folder of the parts belongs.
    await writeFile(join(mirror.archive, 'parquet'), '');
    const { code } = await mirror.run(['release', held]);
    expect(code).toBe(1);
    expect(await states()).toEqual(['published']);
    expect(await lastAttempt()).toMatchObject({
      outcome: 'failed',
      snapshot: held.split('/')[1],
      reason: expect.stringContaining('parquet'),
    });
    await rm(join(mirror.archive, 'parquet'));
    expect((await mirror.sync()).code).toBe(0);
    expect(await lastAttempt()).toMatchObject({ outcome: 'archived', reason: null });
  });

  it('is released once, with the same document as that of sync', async () => {
    const { code, stdout } = await mirror.run(['release', held, '--json']);
    expect(code).toBe(0);
    expect(reportsOf({ stdout })).toMatchObject([
      { poolId: mirror.poolId, state: 'archived', users: 90, archive: { objects: 6 } },
    ]);
    const again = await mirror.run(['release', held]);
    expect(again).toEqual({
      code: 2,
      stdout: '',
      stderr:
        `cognito-mirror: ${held}: this snapshot is archived, not held. ` +
        `\`${hint(['status', mirror.poolId])}\` lists the snapshots and their states.\n`,
    });
  });

  it('is dropped by discard, and the next sync takes another', async () => {
    const { code, stdout, stderr } = await mirror.run(['discard', held]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      `${held} is discarded; the current state is unchanged.\nTo read the pool again:\n` +
        `  ${hint(['sync', mirror.poolId], mirror.env)}\n`,
    );
    expect(await users()).toBe(0);
    mirror.pool.estimatedUsers = null;
    expect((await mirror.sync()).code).toBe(0);
    expect(await states()).toEqual(['discarded', 'archived']);
  });

  it('is discarded once, with the same document', async () => {
    const { code, stdout } = await mirror.run(['discard', held, '--json']);
    expect(code).toBe(0);
    expect(reportsOf({ stdout })).toMatchObject([{ state: 'discarded', archive: null }]);
    for (const command of ['discard', 'release']) {
      const again = await mirror.run([command, held]);
      expect(again).toMatchObject({ code: 2, stdout: '' });
      expect(again.stderr).toContain(`${held}: this snapshot is discarded, not held`);
    }
  });

  it('stays held if the archive cannot be reached, and can be released later', async () => {
    const { code, stderr } = await mirror.run(['release', held], {
      ARCHIVE_URL: 'file:///dev/null/archive',
    });
    expect(code).toBe(2);
    expect(stderr).toMatch(/ARCHIVE_URL: the folder \/dev\/null\/archive cannot be written/);
    expect(await states()).toEqual(['held']);
    expect((await mirror.run(['release', held])).code).toBe(0);
  });
});

describe('release and discard', () => {
  let mirror: CliMirror;
  beforeAll(async () => {
    mirror = await openCliMirror({ users: 0 });
  });
  afterAll(() => mirror.close());

  it.each([
    [[], /missing required argument/],
    [['us-east-1_Simulated'], /POOL\/SNAPSHOT: is not the name of a snapshot\. .*such as/],
    [['us-east-1_Simulated/yesterday'], /is not the name of a snapshot/],
    [['us-east-1_Simulated/20261320T020000Z'], /is not the name of a snapshot/],
    [
      ['nopool/20261120T020000Z'],
      /POOL\/SNAPSHOT: "nopool" is not a pool id, and no pool of this name/,
    ],
    [['us-east-1_Simulated/20261120T020000Z/more'], /is not the name of a snapshot/],
    [
      ['us-east-1_Simulated/20261120T020000Z'],
      /this snapshot does not exist\. `node .*cognito-mirror\.mjs status us-east-1_Simulated`/,
    ],
    [['us-east-1_Simulated/20261120T020000Z', 'another'], /too many arguments/],
    [['us-east-1_Simulated/20261120T020000Z', '--force'], /unknown option '--force'/],
  ])('refuse %j with exit code 2', async (args, message) => {
    for (const command of ['release', 'discard']) {
      const { code, stdout, stderr } = await mirror.run([command, ...args]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(message);
    }
  });
});
