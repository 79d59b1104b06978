import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandHint, commandLine, type Started } from '../../src/cli/command-line.ts';

const ROOT = resolve(import.meta.dirname, '../..');

const started = (part: Partial<Started> = {}): Started => ({
  env: {},
  script: `${ROOT}/bin/cognito-mirror.mjs`,
  folder: () => '/elsewhere',
  ...part,
});

describe('a command line that is printed', () => {
  test.each<[string, Partial<Started>, string]>([
    ['in the checkout', { folder: () => ROOT }, 'node bin/cognito-mirror.mjs status'],
    ['elsewhere', {}, `node ${ROOT}/bin/cognito-mirror.mjs status`],
    [
      'in a folder that was deleted',
      {
        folder: () => {
          throw new Error('ENOENT: uv_cwd');
        },
      },
      `node ${ROOT}/bin/cognito-mirror.mjs status`,
    ],
    [
      'installed in a folder of PATH',
      { script: '/usr/local/bin/cognito-mirror', env: { PATH: '/bin:/usr/local/bin' } },
      'cognito-mirror status',
    ],
    [
      'installed elsewhere',
      { script: '/srv/my app/node_modules/.bin/cognito-mirror', env: { PATH: '/bin' } },
      "'/srv/my app/node_modules/.bin/cognito-mirror' status",
    ],
    [
      'by npx',
      {
        script: '/home/ann/.npm/_npx/1/node_modules/.bin/cognito-mirror',
        env: { npm_command: 'exec', PATH: '/home/ann/.npm/_npx/1/node_modules/.bin' },
      },
      `node ${ROOT}/bin/cognito-mirror.mjs status`,
    ],
    [
      'with MIRROR_HOME',
      { folder: () => ROOT, env: { MIRROR_HOME: '/srv/mirror' } },
      'MIRROR_HOME=/srv/mirror node bin/cognito-mirror.mjs status',
    ],
  ])('starts this program where it was started %s', (_, part, line) => {
    expect(commandLine(['status'], started(part))).toBe(line);
  });

  test('reaches the program word by word through a shell', () => {
    const words = ["a b's", '"$HOME"', '`id`', 'x;y', '*', '', 'é', 'us-east-1_A/20261128T020000Z'];
    const env = { MIRROR_HOME: "/tmp/it's $HOME" };
    const line = commandLine(words, started({ env, script: '/opt/cognito-mirror' }));
    const show = `for word in "$MIRROR_HOME" "$@"; do printf '%s\\n' "$word"; done`;
    const shown = execFileSync('/bin/sh', [
      '-c',
      line.replace('/opt/cognito-mirror', `sh -c '${show.replaceAll("'", "'\\''")}' sh`),
    ]);
    expect(shown.toString().split('\n').slice(0, -1)).toEqual([env.MIRROR_HOME, ...words]);
  });

  test('names the variables that it needs, and none of their values', () => {
    const env = { DATABASE_URL: 'postgres://u:secret@db/x' };
    expect(commandHint(['status'], started({ env, folder: () => ROOT }))).toBe(
      'DATABASE_URL="$DATABASE_URL" node bin/cognito-mirror.mjs status',
    );
    expect(commandHint(['status'], started({ folder: () => ROOT }))).toBe(
      'node bin/cognito-mirror.mjs status',
    );
  });
});
