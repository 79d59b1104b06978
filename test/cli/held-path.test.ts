import { afterEach, beforeEach, expect, test } from 'vitest';
import { measureWidth } from '../../src/cli/display/text-width.ts';
import { type CliMirror, openCliMirror } from '../support/cli-mirror.ts';
import { startInTerminal } from '../support/terminal.ts';

/*
 * A person who has read no document finds out why a snapshot is held, and decides, with nothing but what
 * the program prints. The commands are taken out of its text and pasted as they are.
 */

let mirror: CliMirror;
beforeEach(async () => {
  mirror = await openCliMirror({ users: 150, groups: 3 });
});
afterEach(() => mirror.close());

/** The commands in a text, by the words that introduce them. Each has a line of its own. */
function commandsIn(text: string): Record<string, string> {
  const found = [...text.matchAll(/^ *(To [^:\n]+):\r?\n +([^\r\n]+)\r?\n/gm)];
  return Object.fromEntries(found.map(([, purpose, command]) => [purpose, command]));
}

/** Pastes a command into a shell with the same environment. */
async function paste(command: string | undefined, code = 0): Promise<string> {
  const result = await mirror.run([], {}, command ?? 'false');
  expect({ command, ...result }).toMatchObject({ code });
  return result.stdout;
}

/** Runs a command in a terminal of 80 columns, and gives what it has shown at the end. */
async function inTerminal(args: readonly string[], code: number): Promise<string> {
  const { folder: cwd, env } = mirror;
  const terminal = await startInTerminal(args, { cwd, env, size: [80, 50] });
  try {
    await expect.poll(terminal.exitCode).toBe(code);
    await expect.poll(() => commandsIn(terminal.shown())).toHaveProperty('To discard it');
    return terminal.shown();
  } finally {
    await terminal.end();
  }
}

const state = async () => {
  const rows = await mirror.rows('SELECT state FROM directory.snapshots ORDER BY snapshot_at');
  return rows.at(-1)?.['state'];
};

function deleteUsers(count: number): void {
  for (const { username } of [...mirror.pool.users()].slice(0, count)) {
    mirror.pool.deleteUser(username);
  }
}

const PURPOSES = ['To see what it would change', 'To publish it', 'To discard it'];

test('a removal is understood, and released', async () => {
  await mirror.sync();
  deleteUsers(55);
  const printed = (await mirror.run(['sync'])).stdout;
  expect(printed).toContain('held: 55 of 150 users would be removed');
  expect(printed).toContain('It is not published: what readers see has not changed.');
  const first = commandsIn(printed);
  expect(Object.keys(first)).toEqual(PURPOSES);
  // Interactive zsh takes no comments.
  for (const command of Object.values(first)) expect(command).not.toContain('#');

  const shown = await paste(first['To see what it would change']);
  expect(shown).toContain('held: 55 of 150 users would be removed');
  expect(shown).toContain('users: 0 added, 55 removed, 0 modified, 0 replaced\n');
  const next = commandsIn(shown);
  expect(Object.keys(next)).toEqual(PURPOSES.slice(1));
  expect(await state()).toBe('held');

  expect(await paste(next['To publish it'])).toContain('users: 0 added, 0 modified, 55 removed\n');
  const status = (await mirror.run(['status'])).stdout;
  expect(status).toContain('last attempt: archived');
  expect(status).not.toContain('held');
  expect(commandsIn(status)).toEqual({});
});

test('a first snapshot is understood from status alone, discarded, taken again and released', async () => {
  mirror.pool.estimatedUsers = 5_000;
  expect((await mirror.sync()).code).toBe(3);
  const status = await inTerminal(['status'], 0);
  const words = status.replaceAll(/\s+/g, ' ');
  expect(words).toContain('150 users were read, but the service estimates 5,000.');
  expect(words).toContain('publish this if the number is right');
  const commands = commandsIn(status);
  expect(Object.keys(commands)).toEqual(PURPOSES);

  const shown = await paste(commands['To see what it would change']);
  expect(shown).toMatch(/ {2}\(nothing\) → \d+T\d+Z\n/);
  expect(shown).toContain('users: 150 added, 0 removed');
  const discarded = await paste(commands['To discard it']);
  expect(discarded).toContain('is discarded; the current state is unchanged.');
  expect(await state()).toBe('discarded');

  const again = await paste(commandsIn(discarded)['To read the pool again'], 3);
  await paste(commandsIn(again)['To publish it']);
  expect(await state()).toBe('archived');
});

test('a listing that lost users says not to publish it', async () => {
  await mirror.sync();
  const kept = new Set([...mirror.pool.users()].slice(20).map(({ username }) => username));
  mirror.proxy.after = ({ operation }, answer) => {
    if (operation !== 'ListUsers') return answer;
    const users = answer['Users'] as { Username: string }[];
    return { ...answer, Users: users.filter(({ Username }) => kept.has(Username)) };
  };
  const printed = await inTerminal(['sync'], 3);
  const words = printed.replaceAll(/\s+/g, ' ');
  expect(words).toContain('exist by AdminGetUser');
  expect(words).toContain(
    'publishing would lose some of it: discard this, and read the pool again',
  );
  const discarded = await paste(commandsIn(printed)['To discard it']);
  mirror.proxy.after = (_, answer) => answer;
  await paste(commandsIn(discarded)['To read the pool again']);
  expect(await mirror.rows('SELECT FROM directory.users')).toHaveLength(150);
});

test.each<[string, Record<string, string>]>([
  ['without colours', { NO_COLOR: '1' }],
  ['in ASCII', { LC_ALL: 'C' }],
])('nothing but a command is wider than 80 columns, %s', async (_, change) => {
  mirror.pool.estimatedUsers = 5_000;
  mirror = { ...mirror, env: { ...mirror.env, ...change } };
  for (const [args, code] of [
    [['sync'], 3],
    [['status'], 0],
    [['diff', mirror.poolId, 'held', '--summary'], 0],
  ] as const) {
    const lines = (await inTerminal(args, code)).split('\r\n');
    const commands = Object.values(commandsIn(`${lines.join('\n')}\n`));
    expect(commands.length).toBeGreaterThanOrEqual(2);
    // A terminal wraps commands so that they are copied whole, and log lines that are not the result.
    const isFree = (line: string) =>
      commands.includes(line.trim()) || /\d\d:\d\d:\d\d (info|warn) /.test(line);
    expect(lines.filter((line) => measureWidth(line) > 80 && !isFree(line))).toEqual([]);
    expect(lines.join('')).not.toContain('\u001B[3');
  }
});
