import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseAge } from '../../src/cli/arguments.ts';
import { formatAges } from '../../src/cli/display/status-pools.ts';
import { hint } from '../support/cli.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';

const MAIN = 'us-east-1_Main';

let mirror: CliMirror;

/** Adds rows of snapshots that began some hours ago. */
async function addSnapshots(...rows: readonly [poolId: string, state: string, hours: number][]) {
  for (const row of rows) {
    await mirror.rows(
      `INSERT INTO directory.snapshots (pool_id, snapshot, snapshot_at, state)
       SELECT $1, to_char(at, 'YYYYMMDD"T"HH24MISS"Z"'), at, $2
       FROM (SELECT date_trunc('second', clock_timestamp()) - make_interval(hours => $3) AS at) AS t`,
      row,
    );
  }
}

describe('status --check', () => {
  beforeEach(async () => {
    mirror = await openCliMirror({ pools: [MAIN] });
  });
  afterEach(() => mirror.close());

  it('exits with 0 and prints one line if the newest snapshot is recent enough', async () => {
    await addSnapshots([MAIN, 'archived', 25], [MAIN, 'failed', 1]);
    expect(await mirror.run(['status', '--check', MAIN, '--max-age', '26h'])).toEqual({
      code: 0,
      stdout: `OK - ${MAIN} 1 d 1 h old; limit 1 d 2 h\n`,
      stderr: '',
    });
    // The defaults are the pools of COGNITO_POOLS and 26 hours.
    expect(await mirror.run(['status', '--check'])).toMatchObject({ code: 0 });
  });

  it('exits with 1 if the snapshot is too old, and shows the last attempt', async () => {
    await addSnapshots([MAIN, 'published', 31], [MAIN, 'held', 2]);
    await mirror.rows(
      `INSERT INTO mirror.attempts (pool_id, ended_at, outcome, reason)
       VALUES ($1, clock_timestamp() - interval '3 hours', 'failed', E'The bucket\\nis away.')`,
      [MAIN],
    );
    expect(await mirror.run(['status', MAIN, '--check', '--max-age', '26h'])).toEqual({
      code: 1,
      stdout:
        `STALE - ${MAIN} is 1 d 7 h old, limit 1 d 2 h, ` +
        'last attempt: failed 3 h ago, no snapshot was started: The bucket\\nis away.\n',
      stderr: '',
    });
    expect(await mirror.run(['status', MAIN, '--check', '--max-age', '2d'])).toMatchObject({
      code: 0,
    });
  });

  it('exits with 1 for a pool that was never mirrored, and names only that pool', async () => {
    await addSnapshots([MAIN, 'archived', 1]);
    const { code, stdout } = await mirror.run(['status', '--check', MAIN, 'us-east-1_Never']);
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: 'STALE - us-east-1_Never was never mirrored\n',
    });
  });

  it('exits with 1 if no pool is named and no pool was mirrored yet', async () => {
    const all = { COGNITO_POOLS: 'all', AWS_REGION: 'us-east-1' };
    expect(await mirror.run(['status', '--check'], all)).toEqual({
      code: 1,
      stdout: 'STALE - no pool was mirrored yet\n',
      stderr: '',
    });
    await addSnapshots([MAIN, 'archived', 3], ['us-east-1_Gone', 'archived', 50]);
    const { code, stdout } = await mirror.run(['status', '--check'], all);
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: 'STALE - us-east-1_Gone is 2 d 2 h old, limit 1 d 2 h\n',
    });
  });

  it('ignores a pool that was only attempted, as its id may be mistyped', async () => {
    await addSnapshots([MAIN, 'archived', 3]);
    await mirror.rows(
      `INSERT INTO mirror.attempts (pool_id, ended_at, outcome, reason)
       VALUES ('us-east-1_Typo', clock_timestamp(), 'failed', 'The pool does not exist.')`,
    );
    const all = { COGNITO_POOLS: 'all', AWS_REGION: 'us-east-1' };
    expect(await mirror.run(['status', '--check'], all)).toMatchObject({
      code: 0,
      stdout: `OK - ${MAIN} 3 h old; limit 1 d 2 h\n`,
    });
    expect((await mirror.run(['status'], all)).stdout).toContain('us-east-1_Typo');
  });

  it('exits with 1 for a pool that COGNITO_POOLS=all no longer lists', async () => {
    await addSnapshots([MAIN, 'archived', 1], ['us-east-1_Gone', 'archived', 1]);
    await mirror.rows(
      `INSERT INTO directory.pools (pool_id, arn, account_id, region, estimated_users,
         custom_attributes, seen_at)
       SELECT pool_id, '', '1', 'us-east-1', 0, '{}', now()
       FROM unnest(ARRAY[$1, 'us-east-1_Gone']) AS pool_id`,
      [MAIN],
    );
    await mirror.rows(
      `INSERT INTO mirror.pools (pool_id, listed_at)
       VALUES ($1, now()), ('us-east-1_Gone', now() - interval '1 day')`,
      [MAIN],
    );
    const { code, stdout } = await mirror.run(['status', '--check', MAIN, 'us-east-1_Gone']);
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout:
        'STALE - us-east-1_Gone is 1 h old, limit 1 d 2 h, ' +
        'and COGNITO_POOLS=all no longer lists it\n',
    });
    const text = await mirror.run(['status', 'us-east-1_Gone']);
    expect(text.stdout).toContain('\n  vanished: COGNITO_POOLS=all no longer lists it\n');
  });

  it('prints one line with the place if there is no mirror at all', async () => {
    const nowhere = { DATABASE_URL: undefined, ARCHIVE_URL: undefined };
    const { code, stdout, stderr } = await mirror.run(['status', '--check', MAIN], nowhere);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(
      /^STALE - \S+ was never mirrored; nothing is mirrored in the folder \S+\n$/,
    );
  });

  it('prints one JSON document with --json', async () => {
    await addSnapshots([MAIN, 'archived', 31]);
    const { code, stdout } = await mirror.run(['status', '--check', '--json', MAIN, 'eu-west-1_N']);
    expect(code).toBe(1);
    const { pools, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({ ok: false, maxAgeSeconds: 93_600 });
    expect(pools).toEqual([
      {
        poolId: MAIN,
        ok: false,
        snapshot: expect.stringMatching(/^\d{8}T\d{6}Z$/),
        ageSeconds: expect.any(Number),
        vanished: false,
        lastAttempt: null,
      },
      {
        poolId: 'eu-west-1_N',
        ok: false,
        snapshot: null,
        ageSeconds: null,
        vanished: false,
        lastAttempt: null,
      },
    ]);
    expect(Math.floor(pools[0].ageSeconds / 3600)).toBe(31);
  });
});

describe('the command line of status', () => {
  beforeAll(async () => {
    mirror = await openCliMirror({ pools: [MAIN] });
    await addSnapshots([MAIN, 'archived', 1], ['us-east-1_Other', 'archived', 1]);
  });
  afterAll(() => mirror.close());

  it.each(['26', '26 h', '-1h', '0h', 'h', '1w', ''])('refuses %j as an age', async (age) => {
    const { code, stderr } = await mirror.run(['status', '--check', `--max-age=${age}`]);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^cognito-mirror: --max-age: ".*" is not an age\. .*90m, 26h or 2d\.\n$/,
    );
  });

  it('refuses to watch and to check at once', async () => {
    const { code, stderr } = await mirror.run(['status', '--check', '--watch']);
    expect(code).toBe(2);
    expect(stderr).toContain("option '--watch' cannot be used with option '--check'");
  });

  it('exits with 2 for a pool that is not known, and names those that are', async () => {
    for (const args of [[], ['--json'], ['--watch']]) {
      expect(await mirror.run(['status', 'us-east-1_main', ...args])).toEqual({
        code: 2,
        stdout: '',
        stderr:
          'cognito-mirror: us-east-1_main: this pool was never mirrored into this database. ' +
          'The pools here are us-east-1_Main, us-east-1_Other. ' +
          `To mirror it: ${hint(['sync', 'us-east-1_main'])}\n`,
      });
    }
  });
});

it.each([
  ['90m', 5_400],
  ['26h', 93_600],
  ['2d', 172_800],
  ['1.5h', 5_400],
  ['45s', 45],
])('%s are %d seconds', (text, seconds) => {
  expect(parseAge(text)).toBe(seconds);
});

it('several pools are one line', () => {
  const age = { ok: true, snapshot: 'S', ageSeconds: 3_600, vanished: false, lastAttempt: null };
  const ages = [
    { ...age, poolId: 'us-east-1_A' },
    { ...age, poolId: 'us-east-1_B' },
  ];
  expect(formatAges(ages, 7_200, { at: new Date() })).toBe(
    'OK - us-east-1_A 1 h old; us-east-1_B 1 h old; limit 2 h\n',
  );
});
