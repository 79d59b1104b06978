import { describe, expect, it } from 'vitest';
import { measureWidth } from '../../src/cli/display/text-width.ts';
import { hint } from '../support/cli.ts';
import { startInTerminal } from '../support/terminal.ts';
import {
  diff,
  first,
  held,
  mirror,
  namesOf,
  POOL,
  printed,
  run,
  second,
  useHistory,
} from './history-mirror.ts';

useHistory();

describe('diff', () => {
  it('shows each change in a line, with its details below, and the counts at the end', async () => {
    const text = await run('diff', POOL);
    expect(text.replaceAll(/[0-9a-f]{8}-[\w-]{27}/g, 'SUB').split('\n')).toEqual([
      `${POOL}  ${first} → ${second}`,
      'group modified  staff',
      '    description  (none) → Everybody',
      'user  removed   bob  bob@example.com, CONFIRMED',
      '    left 1 group: staff',
      'user  modified  carol',
      '    email  carol@example.com → carol@example.org',
      '    name   (none) → Carol',
      '    left 1 group: staff',
      'user  replaced  dave  another person: sub SUB → SUB',
      expect.stringMatching(/^ {4}created_at {2}20.* → 20/),
      '    email       dave@example.com → other@example.com',
      '    left 1 group: staff',
      'user  added     eve  =1+1, CONFIRMED',
      '    joined 1 group: admins',
      '',
      'users: 1 added, 1 removed, 1 modified, 1 replaced',
      'groups: 0 added, 0 removed, 1 modified',
      'memberships: 1 added, 3 removed',
      '',
    ]);
  });

  it('gives the promised JSON, whose changes have old and new values', async () => {
    const found = await diff();
    expect(found).toMatchObject({ poolId: POOL, from: first, to: second });
    expect(found.summary).toEqual({
      users: { added: 1, removed: 1, modified: 1, replaced: 1 },
      groups: { added: 0, removed: 0, modified: 1 },
      memberships: { added: 1, removed: 3 },
    });
    expect(found.changes[2]).toEqual({
      entity: 'user',
      kind: 'modified',
      username: 'carol',
      sub: mirror.pool.user('carol').attributes.get('sub'),
      fields: {
        email: { from: 'carol@example.com', to: 'carol@example.org' },
        name: { from: null, to: 'Carol' },
      },
      groups: { added: [], removed: ['staff'] },
    });
  });

  it('filters by kind, entity, group and field', async () => {
    expect(namesOf(await diff('--only', 'added,removed'))).toEqual(['bob', 'eve']);
    expect(namesOf(await diff('--only', 'modified,users'))).toEqual(['carol']);
    expect(namesOf(await diff('--only', 'groups'))).toEqual(['staff']);
    expect(namesOf(await diff('--group', 'admins'))).toEqual(['eve']);
    expect(namesOf(await diff('--group', 'staff'))).toEqual(['staff', 'bob', 'carol', 'dave']);
    const named = await diff('--fields', 'name', '--only', 'modified');
    expect(named.changes).toMatchObject([
      { fields: { name: { to: 'Carol' } }, groups: { removed: [] } },
    ]);
    expect(namesOf(await diff('--fields', 'groups', '--only', 'modified'))).toEqual(['carol']);
    const all = await diff('--all-fields', '--group', 'staff', '--only', 'groups');
    expect(all.changes).toMatchObject([{ fields: { modified_at: { to: expect.any(String) } } }]);
  });

  it('leaves out every value with --redact', async () => {
    const found = await diff('--redact');
    expect(found.changes[2]).toMatchObject({ username: 'carol', fields: { email: {}, name: {} } });
    for (const form of [[], ['--json'], ['--csv']]) {
      const text = await run('diff', POOL, '--redact', ...form);
      expect(text).toContain('carol');
      expect(text).not.toMatch(/@example|Carol|Everybody|1\+1|Eve/);
    }
  });

  it('prints the counts alone with --summary', async () => {
    expect((await run('diff', POOL, '--summary')).split('\n')).toHaveLength(5);
    const { changes, ...rest } = await diff('--summary');
    expect(changes).toBeUndefined();
    expect(rest.summary.users.added).toBe(1);
  });

  it('gives CSV that a spreadsheet takes as text', async () => {
    const lines = (await run('diff', POOL, '--csv', '--only', 'added,users')).split('\r\n');
    expect(lines[0]).toBe('entity,kind,name,sub,field,from,to');
    const sub = mirror.pool.user('eve').attributes.get('sub');
    expect(lines).toContain(`user,added,eve,${sub},email,,'=1+1`);
    expect(lines).toContain(`user,added,eve,${sub},name,,"Eve, ""the"" new"`);
    expect(lines).toContain(`user,added,eve,${sub},groups,,admins`);
  });

  it('exits with 1 for different snapshots only if it is asked to', async () => {
    const code = async (...args: string[]) => (await mirror.run(['diff', POOL, ...args])).code;
    expect(await code('--exit-code', '--summary')).toBe(1);
    expect(await code(first, first, '--exit-code')).toBe(0);
    expect(await code('--exit-code', '--only', 'added,groups')).toBe(0);
  });

  it('takes ids and times: the last snapshot at or before the time', async () => {
    const [row] = await mirror.rows<{ at: Date }>(
      `SELECT snapshot_at + interval '0.5 s' AS at FROM directory.snapshots WHERE snapshot = $1`,
      [first],
    );
    const at = row?.at.toISOString() ?? '';
    const offset = `${new Date(Date.parse(at) + 7_200_000).toISOString().slice(0, -1)}+02:00`;
    for (const from of [at, offset, first]) {
      expect(await diff(from, second)).toMatchObject({ from: first, to: second });
    }
    expect(await diff(first)).toMatchObject({ from: first, to: second });
  });

  it.each<[string, () => string[], RegExp]>([
    [
      'a pool that was never mirrored',
      () => ['us-east-1_Other'],
      /us-east-1_Other: no snapshot of this pool was published .* are us-east-1_Simulated/,
    ],
    ['no pool id', () => ['staff'], /POOL: "staff" is not a pool id/],
    ['an unknown snapshot', () => [POOL, '20010101T000000Z'], /FROM: this snapshot does not exist/],
    ['a time before the first', () => [POOL, '2001-01-01'], /begins with its first snapshot at 20/],
    [
      'no day',
      () => [POOL, '2026-02-30'],
      /FROM: is not a point in the history\. Give a snapshot id/,
    ],
    [
      'the wrong order',
      () => [POOL, 'latest', 'previous'],
      /FROM: \d+T\d+Z is later than TO, \d+T\d+Z/,
    ],
    ['a held snapshot first', () => [POOL, 'held', 'latest'], /FROM: names a held snapshot/],
    ['the live pool first', () => [POOL, 'now', 'latest'], /FROM: names the live pool/],
    ['an unknown group', () => [POOL, '--group', 'absent'], /GROUP: neither snapshot has a group/],
    ['an unknown filter', () => [POOL, '--only', 'new'], /Give some of added, removed/],
    ['memberships alone', () => [POOL, '--only', 'memberships'], /--only users --fields groups/],
    [
      'an unknown field, with those that are known',
      () => [POOL, '--fields', 'email,emial'],
      /no user or group of \S+ has "emial"\. Columns: .*status, sub\. Attributes: .*zoneinfo/,
    ],
    ['two formats', () => [POOL, '--json', '--csv'], /cannot be used with/],
    [
      'two sets of fields',
      () => [POOL, '--fields', 'email', '--all-fields'],
      /cannot be used with/,
    ],
  ])('refuses %s', async (_, args, problem) => {
    const { code, stdout, stderr } = await mirror.run(['diff', ...args()]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(problem);
  });

  it('fits a terminal of 80 columns', async () => {
    const terminal = await startInTerminal(['diff', POOL], {
      cwd: mirror.folder,
      env: mirror.env,
      size: [80, 40],
    });
    try {
      await expect.poll(terminal.exitCode).toBe(0);
      const lines = terminal.shown().split('\r\n');
      expect(lines.length).toBeGreaterThan(15);
      for (const line of lines) expect(measureWidth(line)).toBeLessThanOrEqual(80);
      expect(lines.at(-2)).toBe('memberships: 1 added, 3 removed');
    } finally {
      await terminal.end();
    }
  });
});

describe('a held snapshot', () => {
  it('is understood by the command that sync and status print', async () => {
    const command = hint(['diff', POOL, 'latest', 'held'], mirror.env);
    expect(printed).toContain(`  To see what it would change:\n    ${command}\n`);
    const { stdout: status } = await mirror.run(['status']);
    expect(status).toContain(`    To see what it would change:\n      ${command}\n`);
    const pasted = await mirror.run([], {}, command);
    expect({ code: pasted.code, stderr: pasted.stderr }).toEqual({ code: 0, stderr: '' });
    expect(pasted.stdout).toContain(`${POOL}  ${second} → ${held}\n`);
    expect(pasted.stdout).toContain('user  removed   user-59  CONFIRMED\n');
    expect(pasted.stdout).toContain('users: 0 added, 60 removed, 0 modified, 0 replaced\n');
    expect(await diff(first, held)).toMatchObject({ from: first, to: held });
  });

  it.each(['this', 'a pool without one'])(
    'refuses a snapshot that is not of the past: %s',
    async (which) => {
      const pool = which === 'this' ? POOL : 'us-east-1_NoneHeld';
      const { code, stderr } = await mirror.run(['access', pool, 'staff', '--at', 'held']);
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: expect.stringContaining(
          'AT: names a held snapshot, which is not published. Give a published one.',
        ),
      });
    },
  );
});
